"""The guard against NaN: whether a member trains on after a loss that is NaN or infinite."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

type TracedLogs = dict[str, Any]
"""Logs while they are traced or on the device: scalars, or `[seat]`, by name."""

STEPS_RUN = "steps run"
"""In the logs of a program that stops at NaN: the training steps that were taken."""


class NanGuard(NamedTuple):
    """Whether a member that may stop at NaN takes another training step.

    Args:
        goes_on: Whether it does, bool.
        stops: Whether it takes none after one whose loss is NaN or infinite, bool.
    """

    goes_on: Any
    stops: Any

    @classmethod
    def of(cls, stops: jax.Array | None) -> "NanGuard | None":
        """At the beginning of an epoch; None where no member stops."""
        return None if stops is None else cls(jnp.ones_like(stops), stops)

    def after(self, logs: TracedLogs) -> "NanGuard":
        """After the last step that was taken."""
        # A train_step of one's own may report no loss; Keras's TerminateOnNaN passes it by too.
        is_finite = jnp.isfinite(logs.get("loss", jnp.float32(0)))
        return self._replace(goes_on=self.goes_on & (is_finite | ~self.stops))


def joined(before: TracedLogs, after: TracedLogs) -> TracedLogs:
    """The logs of two runs of batches, one after the other, of a member that stops at NaN."""
    steps = before[STEPS_RUN] + after[STEPS_RUN]
    chosen: TracedLogs = choose(after[STEPS_RUN] > 0, after, before)
    return chosen | {STEPS_RUN: steps}


def choose(condition: Any, yes: Any, no: Any) -> Any:
    """One of two pytrees of equal structure, leaf by leaf, by a traced condition."""
    return jax.tree.map(lambda a, b: jnp.where(condition, a, b), yes, no)


def has_diverged(logs: Mapping[str, float]) -> bool:
    """Whether a loss among the logs of an epoch is NaN or infinite."""
    return any(not np.isfinite(value) for name, value in logs.items() if name.endswith("loss"))
