"""Stops a member inside an epoch after a loss that is NaN or infinite."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

type TracedLogs = dict[str, Any]
"""Logs by name while they are traced or on the device: scalars, or `[seat]`."""

STEPS_RUN = "steps run"
"""The name, in the logs of a program that can stop at NaN, of the number of steps taken."""


class NanGuard(NamedTuple):
    """Whether a member that may stop at NaN takes another training step.

    Args:
        goes_on: Whether it takes another step; bool scalar, or `[seat]`.
        stops: Whether it stops after a step whose loss is NaN or infinite; shape likewise.
    """

    goes_on: Any
    stops: Any

    @classmethod
    def of(cls, stops: jax.Array | None) -> "NanGuard | None":
        """The guard at the beginning of an epoch; None where no member stops at NaN."""
        return None if stops is None else cls(jnp.ones_like(stops), stops)

    def after(self, logs: TracedLogs) -> "NanGuard":
        """The guard after a step with these logs."""
        # A custom train_step may report no loss; Keras's TerminateOnNaN ignores it then too.
        is_finite = jnp.isfinite(flat(logs).get("loss", jnp.float32(0)))
        return self._replace(goes_on=self.goes_on & (is_finite | ~self.stops))


def flat(logs: Mapping[str, Any]) -> TracedLogs:
    """Logs without nesting, in Keras's order: a metric may have several results (a dict)."""
    found: TracedLogs = {}
    for name, value in sorted(logs.items()):
        found |= flat(value) if isinstance(value, Mapping) else {name: value}
    return found


def joined(before: TracedLogs, after: TracedLogs) -> TracedLogs:
    """The joint logs of two consecutive runs of batches of a member that can stop at NaN."""
    steps = before[STEPS_RUN] + after[STEPS_RUN]
    chosen: TracedLogs = choose(after[STEPS_RUN] > 0, after, before)
    return chosen | {STEPS_RUN: steps}


def choose(condition: Any, yes: Any, no: Any) -> Any:
    """One of two pytrees of equal structure, by a traced condition (bool scalar)."""
    return jax.tree.map(lambda a, b: jnp.where(condition, a, b), yes, no)


def has_diverged(logs: Mapping[str, float]) -> bool:
    """Whether a loss among the logs of an epoch is NaN or infinite."""
    return any(not np.isfinite(value) for name, value in logs.items() if name.endswith("loss"))
