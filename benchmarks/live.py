"""Whether the live page's memory stays flat: `python -m benchmarks.live`.

Eight hours of a study of 64 members, at the page's two looks a second, are gone through as fast as
they come: members train an epoch every ten seconds. One client hears all; another is away for ten
minutes at a time, and gets what it lacks, or all. Every quarter of an hour a browser loads the
page, and opens and leaves a feed. Told are the megabytes of the process at the end of each hour,
beside those of the curves, which have to grow. It writes benchmarks/results/live.json.
"""

import gc
import json
import os
import tempfile
from pathlib import Path
from typing import Annotated

import kohort  # noqa: F401 (before Keras, whose backend it chooses)

# isort: split
import typer

from benchmarks.launch import RESULTS
from benchmarks.machine import about
from kohort.evidence.store import open_store
from kohort.serve.changes import Cursor
from kohort.serve.follower import Follower
from tests.serve.serving import make_study, measure, serving

LOOKS = 2 * 60 * 60
"""Looks in an hour."""
EPOCH = 20
"""Looks between two epochs."""
AWAY = 2 * 60 * 10
"""Looks for which the second client is away."""
VISIT = 2 * 60 * 15
"""Looks between two visits of a browser."""


def resident() -> float:
    """Megabytes of memory that this process has."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


class Client:
    """Hears what a follower tells, from where it heard it last."""

    def __init__(self, follower: Follower) -> None:
        self._follower = follower
        self._cursor: Cursor | None = None
        self.heard = 0
        """Bytes that it was sent."""

    def ask(self) -> None:
        """Ask once."""
        message, self._cursor = self._follower.told(self._cursor)
        self.heard += 0 if message is None else len(json.dumps(message))


def main(hours: Annotated[int, typer.Option(min=2)] = 8) -> None:
    """Go through so many hours."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        place = str(Path(folder, "kohort.db"))
        with open_store(place) as store:
            names = [f"variant {number}" for number in range(8)]
            epochs = hours * LOOKS // EPOCH
            kept, members = make_study(store, names, replicates=8, epochs=epochs)
            follower = Follower(store, place, "width")
            near, far = Client(follower), Client(follower)
            with kept.claim(), serving(store, place) as server:
                kept.begin_run({})
                for look in range(1, hours * LOOKS + 1):
                    if look % EPOCH == 0:
                        measure(kept, members, [look // EPOCH - 1])
                    follower.look()
                    near.ask()
                    if look % AWAY == 0:
                        far.ask()
                        follower.judge()
                    if look % VISIT == 0:
                        server.ask("/study?name=width")
                        with server.feed("width") as messages:
                            next(messages)
                    if look % LOOKS == 0:
                        curves = follower._measured
                        rows.append(
                            {
                                "hour": look // LOOKS,
                                "megabytes": round(resident(), 1),
                                "of curves": round(curves.values.nbytes / 1e6, 1) if curves else 0,
                                "sent, megabytes": round((near.heard + far.heard) / 1e6, 1),
                            }
                        )
                        print(json.dumps(rows[-1]), flush=True)
    told = {"machine": about(), "members": 64, "epochs": epochs, "hours": rows}
    (RESULTS / "live.json").write_text(json.dumps(told, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    typer.run(main)
