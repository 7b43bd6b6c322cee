"""The costs of models that a report shows: measured for it where that takes a few seconds."""

import time
import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

from kohort.engine.program.cache import persistent
from kohort.errors import count
from kohort.evidence.provenance import environment
from kohort.keras_api.cost import Cost, Costly, cost_of

SECONDS = 2.0
"""After so many seconds no further model is measured for a report."""


@dataclass(frozen=True)
class ShownCosts:
    """What the best members of some variants cost, and where that was measured.

    Args:
        by_variant: By the names of variants, the best first.
        of: How many variants have a model that could be measured.
    """

    by_variant: Mapping[str, Cost]
    of: int

    def __bool__(self) -> bool:
        return bool(self.by_variant)

    @property
    def note(self) -> str:
        """What was measured, where, and of which variants, in sentences."""
        measured, facts = len(self.by_variant), environment()
        some = (
            f" Measured {'was' if measured == 1 else 'were'} {count(measured, 'variant')} of "
            f"{self.of}: of those shown first, as many as {SECONDS:g} seconds allow; "
            "result.costs() before the report measures all."
        )
        return (
            "File and milliseconds are of the variant's best member: its .keras file, and the "
            "median time of seven predictions for 1,000 rows, measured by the process that wrote "
            f"this report ({facts['system']}, {facts['devices']}, {facts['cores']} cores)."
            f"{some * (measured < self.of)}"
        )


NO_COSTS = ShownCosts({}, 0)


def shown_costs(best: Mapping[str, Costly], first: int, known: dict[str, Cost]) -> ShownCosts:
    """What is known of costs, and of those that are shown first what can be measured meanwhile.

    A model that cannot be built or saved is left out: a report does without its cost.

    Args:
        best: The best member of each variant that has one, by its name, best score first.
        first: The number of variants that are shown at first.
        known: By variant, what was measured before; what is measured now is added.
    """
    started = time.perf_counter()
    for name, model in islice(best.items(), first):
        if name in known:
            continue
        # Keras writes and reads users' own code, which may raise anything: a report does without.
        with persistent(), suppress(Exception), warnings.catch_warnings():
            # Nobody who reads a report asked for the file by which its size is measured.
            warnings.filterwarnings("ignore", "The object being serialized includes a `lambda`")
            known[name] = cost_of(model)
        if time.perf_counter() - started > SECONDS:
            break
    return ShownCosts({name: known[name] for name in best if name in known}, len(best))
