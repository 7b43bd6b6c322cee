"""How often KD111 is right, as a table of Markdown."""

import json

from scripts.label_page import RESULTS, VERDICTS
from scripts.measured import table

FILE = RESULTS / "in_time.json"


def rates() -> str:
    """The section of KD111's page."""
    written = json.loads(FILE.read_text("utf-8"))
    head = (
        f"Tables of {written['rows']:,} rows on days in succession, a fifth of which is the test "
        f"set; {written['draws']} tables of each kind (`benchmarks/in_time.py`). Where targets "
        "have nothing to do with the order of the dates, the level is 1 %:\n"
    )
    rows = [
        [
            cell["kind"],
            "yes" if cell["has order"] else "no",
            *(str(cell["verdicts"].get(verdict, 0)) for verdict in VERDICTS),
        ]
        for cell in written["cells"]
    ]
    tail = (
        f"\nOf the {false_alarms()[1]:,} tables without an order {false_alarms()[0]} had one found "
        "or left open. An order at the threshold is mostly missed in so few rows.\n"
    )
    return f"{head}\n{table(['targets', 'in order', *VERDICTS], rows)}{tail}"


def false_alarms() -> tuple[int, int]:
    """Of how many tables without an order one was found or left open, and of how many in all."""
    cells = [c for c in json.loads(FILE.read_text("utf-8"))["cells"] if not c["has order"]]
    counts = [cell["verdicts"] for cell in cells]
    said = sum(each.get("found", 0) + each.get("inconclusive", 0) for each in counts)
    return said, sum(sum(each.values()) for each in counts)
