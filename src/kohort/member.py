"""A trained member of a study, and the model that it can be deployed as."""

import hashlib
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import NamedTuple, Protocol

import keras
import numpy as np

from kohort.data.dataset import Dataset
from kohort.design.building import batch_of
from kohort.design.replicates import Replicate
from kohort.design.training_part import TrainingPart
from kohort.design.variants import Variant
from kohort.design.whole_data import REFIT
from kohort.engine.needless import without_needless_warnings
from kohort.engine.ray_settings import Ray
from kohort.keras_api.averaging import averaged, link_of, measurable
from kohort.keras_api.class_outputs import Link, OutputKind, output_kind
from kohort.keras_api.models import prepare, uncompiled
from kohort.keras_api.preprocessing import set_weights
from kohort.keras_api.samples import SampleScore, measured
from kohort.report.exports.deployable import save_deployable, taking_raw_inputs
from kohort.report.held_out import Candidate
from kohort.report.notebooks.member_view import MemberView
from kohort.report.tested.side_by_side import SideBySide


@dataclass(frozen=True, eq=False, repr=False)
class Member(MemberView):
    """One variant in one replicate, trained; or once more, on all training samples.

    Args:
        variant: How it is built.
        replicate: Its seed and split; for `Result.refit` all samples train, and none validate.
        data: What it was trained on.
        weights: As `keras.Model.get_weights` gives them, of the epoch below.
        epoch: Its epoch (from 1) of lowest validation loss; for `Result.refit` the last one.

    Example:
        >>> member = result.best()
        >>> member.variant
        Variant('units=16', build, units=16)
        >>> member.model().evaluate(data.x_test, data.y_test, verbose=0)[1] > 0.9  # accuracy
        True
    """

    variant: Variant
    replicate: Replicate
    data: Dataset
    weights: list[np.ndarray] = field(repr=False)
    epoch: int

    @property
    def fingerprint(self) -> str:
        """SHA-256 over shapes, dtypes and bytes of its weights, 64 hexadecimal digits.

        Example:
            >>> kept = kohort.open("kohort.db", "width", data).best()
            >>> kept.fingerprint == result.best().fingerprint
            True
        """
        digest = hashlib.sha256()
        for array in self.weights:
            digest.update(f"{array.dtype}{array.shape}".encode())
            digest.update(array.tobytes())
        return digest.hexdigest()

    def model(self) -> keras.Model:
        """The trained model, compiled as its build function compiles it.

        Returns:
            A new model at each call, with the weights that this member keeps.

        Raises:
            DesignError: The build function fails.

        Example:
            >>> model = result.best().model()
            >>> model.predict(data.x_test, verbose=0).shape
            (60, 5)
        """
        with without_needless_warnings():
            part = TrainingPart(self.data, self.replicate.train)
            model = self.variant.model(self.replicate.seed, part)
            prepare(model, batch_of(self.data, 1))
            set_weights(model, self.weights)
        return model

    def deployable(self) -> keras.Model:
        """The model with the scaling of raw inputs inside it; not compiled.

        A model that was trained on pixels takes uint8 images `[sample, height, width]`, or
        `[sample, height, width, channel]`. Where it is not known how inputs were made from pixels,
        it takes inputs as they are, `[sample, ...]`. It needs no kohort to load.

        Raises:
            DesignError: The build function fails.

        Example:
            >>> deployable = result.best().deployable()
            >>> deployable.input_shape, deployable.compiled
            ((None, 5), False)
        """
        # A model without its compilation, which may name a loss that only the study file knows.
        return taking_raw_inputs(uncompiled(self.model()), self.data)

    def save(self, path: str | Path) -> Path:
        """Save `deployable()` as a `.keras` file, with the class names; whole or not at all.

        Of images it also keeps how bright the edges of the training images are: `kohort predict`
        tells dark images on light where these were light on dark. Of a table it keeps how inputs
        are made of its columns: `kohort predict` takes its rows as they were.

        Args:
            path: Of the file; folders that are missing are made.

        Returns:
            The path.

        Raises:
            DesignError: The path does not end in ".keras" (or ".h5").
            OSError: The file cannot be written.

        Example:
            >>> path = result.best().save("winner.keras")
            >>> keras.saving.load_model(path).output_shape
            (None, 5)
        """
        model = self.model()
        kind = output_kind(model)  # before its compilation, which tells it, is left out
        deployable = taking_raw_inputs(uncompiled(model), self.data)
        return save_deployable(deployable, kind, self.data, Path(path))


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Members as one model: the mean of their probabilities, or of the numbers that they predict.

    Args:
        members: Two or more; of several splits each has seen most of what validates the others.
        name: What it is called.
        links: Of each member, what makes probabilities of its outputs; "" where they are averaged
            as they are.
        beside: Tests it beside the winner's member.

    Example:
        >>> ensemble = result.ensemble()
        >>> ensemble
        Ensemble('the ensemble of 3 members of units=16')
        >>> ensemble.model().predict(data.x_test, verbose=0).shape
        (60, 5)
    """

    members: tuple[Member, ...]
    name: str
    links: tuple[Link, ...]
    beside: Callable[["Ensemble"], SideBySide]

    @property
    def data(self) -> Dataset:
        """What its members were trained on.

        Example:
            >>> result.ensemble().data.name
            'points'
        """
        return self.members[0].data

    @property
    def shares_validation(self) -> bool:
        """Whether all of its members left out the same samples.

        Example:
            >>> result.ensemble().shares_validation
            False
        """
        first, *others = (member.replicate.valid for member in self.members)
        return all(np.array_equal(first, other) for other in others)

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the fingerprints of its members, 64 hexadecimal digits.

        Example:
            >>> len(result.ensemble().fingerprint)
            64
        """
        told = "".join(member.fingerprint for member in self.members)
        return hashlib.sha256(told.encode()).hexdigest()

    def model(self) -> keras.Model:
        """The model, which takes what its members take; a new one at each call, not compiled.

        Raises:
            DesignError: A build function fails.

        Example:
            >>> model = result.ensemble().model()
            >>> model.count_params() == 3 * result.best().model().count_params()
            True
        """
        models = [member.model() for member in self.members]
        return averaged(models, self.links, batch_of(self.data, 1)[0])

    def deployable(self) -> keras.Model:
        """The model with the scaling of raw inputs inside it, once; as `Member.deployable`.

        Raises:
            DesignError: A build function fails.

        Example:
            >>> result.ensemble().deployable().input_shape
            (None, 5)
        """
        return taking_raw_inputs(self.model(), self.data)

    def save(self, path: str | Path) -> Path:
        """Save `deployable()` as one `.keras` file; as `Member.save`.

        Args:
            path: Of the file; folders that are missing are made.

        Returns:
            The path.

        Raises:
            DesignError: The path does not end in ".keras" (or ".h5").
            OSError: The file cannot be written.

        Example:
            >>> path = result.ensemble().save("ensemble.keras")
            >>> keras.saving.load_model(path).output_shape
            (None, 5)
        """
        return save_deployable(self.deployable(), _kind_of(self), self.data, Path(path))

    def test(self) -> SideBySide:
        """How it does on the test set beside the winner's single member, and what both cost.

        The test set is read for it once: another reading, recorded, and kept in a store.

        Raises:
            DesignError: There is no test set.

        Example:
            >>> tested = result.ensemble().test()
            >>> tested.table().columns.to_list()[:5]
            ['test_accuracy', 'low', 'high', 'balanced_accuracy', 'log_loss']
            >>> print(tested)
            Of 60 test samples the ensemble of 3 members of units=16 is right for ...
        """
        return self.beside(self)

    def __repr__(self) -> str:
        return f"Ensemble({self.name!r})"


class Refit(NamedTuple):
    """A variant to train once more, on all training samples.

    Args:
        variant: The variant's number in the study.
        name: Its name.
        epochs: For how many epochs.
        of: The fingerprint of the variant's first member: of other members it is another refit.
    """

    variant: int
    name: str
    epochs: int
    of: str


class Refits(Protocol):
    """Trains or loads refits."""

    def __call__(self, wanted: Refit, cluster: Ray | None, *, visible: bool) -> Member:
        """The refit, trained on a cluster or here; `visible` shows its progress on stderr."""


def epochs_to_refit(members: Sequence[Member]) -> int:
    """The median of the members' best epochs; the later one of two in the middle."""
    return statistics.median_high(member.epoch for member in members)


def ensemble_of(
    members: Sequence[Member],
    name: str,
    beside: Callable[["Ensemble"], SideBySide],
    *,
    has_classes: bool,
) -> Ensemble:
    """An ensemble of members whose outputs can be averaged.

    Args:
        members: Two or more.
        name: What to call it.
        beside: As in `Ensemble`.
        has_classes: Whether the targets are classes.

    Raises:
        ModelError: Their outputs cannot be averaged.
    """
    known = {
        member.variant.name: link_of(member.model(), has_classes=has_classes)
        for member in {member.variant.name: member for member in members}.values()
    }
    links = tuple(known[member.variant.name] for member in members)
    return Ensemble(tuple(members), name, links, beside)


def candidate(of: Member | Ensemble, metric: str, name: str | None = None) -> Candidate:
    """A model as the test set is read for it, by its classes or by a metric of its model.

    Args:
        of: A member, or an ensemble.
        metric: The metric.
        name: What to call it; None for the name of its variant, or of the ensemble.
    """
    built = cache(of.model)

    def predict(inputs: np.ndarray) -> np.ndarray:
        given: np.ndarray = of.model().predict(inputs, batch_size=1024, verbose=0)
        return given

    def measure(inputs: np.ndarray, targets: np.ndarray) -> SampleScore:
        if not isinstance(of, Ensemble):
            return measured(built(), metric, inputs, targets)
        model = measurable(built(), of.links[0], of.members[0].model())
        found = measured(model, metric, inputs, targets)
        # Where its members give logits, so does the model that is measured.
        return found._replace(outputs=None) if of.links[0] else found

    if isinstance(of, Ensemble):
        about = name or of.name, REFIT, 0, of.fingerprint
        return Candidate(*about, predict, measure, lambda: _kind_of(of))
    called, replicate = name or of.variant.name, of.replicate.number
    about = called, replicate, of.epoch, of.fingerprint
    return Candidate(*about, predict, measure, lambda: output_kind(built()))


def _kind_of(ensemble: Ensemble) -> OutputKind:
    """What the outputs of an ensemble are: a mean of numbers is one, too."""
    return "probabilities" if ensemble.links[0] else output_kind(ensemble.members[0].model())
