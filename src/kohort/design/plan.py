"""The plan of a study: which members train together, what they weigh, and why not more."""

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import numpy as np

from kohort.data.dataset import Dataset
from kohort.design import keras_seam
from kohort.design.grouping import Signature, abstract, group, signature
from kohort.design.replicates import Replicate
from kohort.design.variant import Variant
from kohort.errors import DesignError


@dataclass(frozen=True)
class MemberPlan:
    """One variant in one replicate, and what decides which program trains it.

    Args:
        variant: The variant's number in the study.
        replicate: The replicate's number.
        epochs: Epochs to train.
        sizes: Samples to train on and to validate on.
        parameters: Numbers in the model's weights.
        state_bytes: Bytes of weights, optimizer and metrics.
        signature: What its steps compute.
        loss: The loss that the model is compiled with; equal texts are equal losses.
    """

    variant: int
    replicate: int
    epochs: int
    sizes: tuple[int, int]
    parameters: int
    state_bytes: int
    signature: Signature
    loss: str


@dataclass(frozen=True)
class Plan:
    """What fuses with what. `print(plan)` shows it; each cohort is one compiled program.

    Args:
        study: The study's name.
        variant_names: By variant number.
        cohorts: The members of each program.
        batch_size: Samples a step.
        data_bytes: Bytes of the data on the device.
    """

    study: str
    variant_names: tuple[str, ...]
    cohorts: tuple[tuple[MemberPlan, ...], ...]
    batch_size: int
    data_bytes: int

    @property
    def every_member(self) -> tuple[MemberPlan, ...]:
        """The members of all cohorts."""
        return tuple(member for cohort in self.cohorts for member in cohort)

    @property
    def member_epochs(self) -> int:
        """Epochs to train, over all members."""
        return sum(member.epochs for member in self.every_member)

    def label(self, number: int) -> str:
        """Names cohort `number` (from 1) while it trains."""
        names = dict.fromkeys(
            self.variant_names[member.variant] for member in self.cohorts[number - 1]
        )
        return f"cohort {number}/{len(self.cohorts)}: {', '.join(names)}"

    @property
    def peak_bytes(self) -> int:
        """Memory that the largest cohort needs, an estimate: data, state and gradients."""
        largest = max(sum(member.state_bytes for member in cohort) for cohort in self.cohorts)
        # A step holds the old state, the new one, and gradients about as large as the weights.
        return self.data_bytes + 2 * largest

    def __str__(self) -> str:
        head = (
            f"Study {self.study!r}: {len(self.every_member)} members; programs to compile, one "
            f"for each cohort: {len(self.cohorts)}; about {self.peak_bytes / 1e6:.0f} MB"
        )
        return "\n".join([head, *(self._line(number) for number in range(len(self.cohorts)))])

    def _line(self, number: int) -> str:
        cohort = self.cohorts[number]
        first = cohort[0]
        kinds = len({member.signature.constants for member in cohort})
        lifted = f", {kinds} sets of constants as inputs" if kinds > 1 else ""
        why = "" if number == 0 else f"; apart because {self._reason(number)}"
        return (
            f"  {self.label(number + 1)}: {len(cohort)} members of "
            f"{first.parameters:,} parameters, {first.epochs} epochs of {first.sizes[0]:,} samples "
            f"in batches of {self.batch_size}{lifted}{why}"
        )

    def _reason(self, number: int) -> str:
        """Why a cohort did not join the one before it that is most like it."""
        mine = self.cohorts[number][0]
        others = [cohort[0] for cohort in self.cohorts[:number]]
        same = [other for other in others if other.signature.skeleton == mine.signature.skeleton]
        if same and all(other.sizes != mine.sizes for other in same):
            return "its replicates have other numbers of samples"
        if same:
            return "it trains for another number of epochs"
        if any(other.parameters == mine.parameters for other in others):
            return "its step computes something else (a layer, the loss, the optimizer)"
        return "its layers have other shapes"


def make_plan(
    study: str,
    variants: Sequence[Variant],
    replicates: Sequence[Replicate],
    data: Dataset,
    epochs: Sequence[int],
    batch_size: int,
) -> Plan:
    """Build each member's model once, look at it, and group it; no model is kept.

    Args:
        study: The study's name.
        variants: The variants.
        replicates: Their replicates.
        data: The data.
        epochs: Epochs of each variant.
        batch_size: Samples a step.

    Raises:
        DesignError: A model does not take the data.
    """
    members = [
        _look_at(number, variant, replicate, data, epochs[number], batch_size)
        for number, variant in enumerate(variants)
        for replicate in replicates
    ]
    keys = [(member.signature.skeleton, member.sizes, member.epochs) for member in members]
    arrays = (data.x_train, data.y_train)
    return Plan(
        study,
        tuple(variant.name for variant in variants),
        tuple(tuple(cohort) for cohort in group(members, keys)),
        batch_size,
        sum(array.nbytes for array in arrays),
    )


def batch_of(data: Dataset, size: int) -> keras_seam.Arrays:
    """Shapes and dtypes of a batch of `size` samples as the models of a study see it."""
    return (
        abstract((size, *data.input_shape), np.float32),
        abstract((size, *data.y_train.shape[1:]), data.y_train.dtype),
    )


def _look_at(
    number: int,
    variant: Variant,
    replicate: Replicate,
    data: Dataset,
    epochs: int,
    batch_size: int,
) -> MemberPlan:
    model = variant.model(replicate.seed)
    sizes = (len(replicate.train), len(replicate.valid))
    batch = batch_of(data, min(batch_size, sizes[0]))
    try:
        keras_seam.prepare(model, batch)
        program = signature(model, batch)
    except (TypeError, ValueError) as error:
        raise DesignError(
            f"variant {variant.name!r} to take inputs {data.input_shape} and targets "
            f"{data.y_train.shape[1:]} {data.y_train.dtype}",
            f"{type(error).__name__}: {str(error).strip().splitlines()[0]}",
            "give the model keras.Input(data.input_shape) and an output for each class",
        ) from error
    state = keras_seam.state_of(model)
    return MemberPlan(
        variant=number,
        replicate=replicate.number,
        epochs=epochs,
        sizes=sizes,
        parameters=model.count_params(),
        state_bytes=sum(int(np.prod(a.shape)) * a.dtype.itemsize for a in jax.tree.leaves(state)),
        signature=program,
        loss=repr(model.get_compile_config()["loss"]),
    )
