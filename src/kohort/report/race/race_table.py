"""A race as a table."""

from typing import Any

import numpy as np
import pandas as pd

from kohort.errors import DesignError
from kohort.findings.conclusions import Conclusions
from kohort.findings.race import RaceState
from kohort.report.race.race_words import OPEN

LEADER = "leader"
_NAN = float("nan")


def race_table(conclusions: Conclusions) -> pd.DataFrame:
    """A row for each variant, those that came farthest first; for the columns see `Result.race`.

    Raises:
        DesignError: The study is no race.
    """
    state = conclusions.race
    if state is None:
        raise DesignError(
            "a study whose replicates come in looks",
            conclusions.record.settings.replicates,
            "give it replicates=kohort.Race(...)",
        )
    rows = [_row(conclusions, state, number) for number in range(len(conclusions.record.variants))]
    order = np.lexsort((conclusions.mean_errors, [row["verdict"] != LEADER for row in rows]))
    ranked = sorted(order, key=lambda number: -rows[number]["replicates"])
    table = pd.DataFrame(rows).set_index("variant")
    return table.astype({"against": "object"}).iloc[ranked]


def race_rows(conclusions: Conclusions) -> list[dict[str, Any]]:
    """The rows of the table for a page."""
    return [
        {str(name): value for name, value in row.items()}
        for row in race_table(conclusions).reset_index().to_dict("records")
    ]


def _row(conclusions: Conclusions, state: RaceState, number: int) -> dict[str, Any]:
    names, lengths = conclusions.record.variant_names, conclusions.record.whole.lengths
    look = state.left.get(number, state.looks[-1])
    standing = look.standings.get(number)
    # One that is back while the race goes on was not compared with the leader.
    untold = LEADER if number == look.leader else OPEN
    return {
        "variant": names[number],
        "replicates": min(look.replicates, int((lengths[number] > 0).sum())),
        "look": state.looks.index(look) + 1,
        "verdict": untold if standing is None else standing.verdict,
        "against": None if standing is None or look.leader is None else names[look.leader],
        "p_worse": _NAN if standing is None else standing.p_worse,
        "p_equivalent": _NAN if standing is None else standing.p_equivalent,
        "member_epochs": int(lengths[number].sum()),
    }
