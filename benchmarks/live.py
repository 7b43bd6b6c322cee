"""How fast the live page draws and tells, and its memory: `python -m benchmarks.live`.

A browser's page of a thousand members gets an update of all of them and of an epoch of 250 variants
twenty times a second: told are the updates that it took, how often it drew, and the longest time
between two frames. Eight clients listen to a server that reads twice a second, while a study writes
twenty epochs a second: told is how often each heard, and how long the last epoch took to reach all.

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
import threading
import time
from pathlib import Path
from typing import Annotated, Any

import kohort  # noqa: F401 (before Keras, whose backend it chooses)

# isort: split
import typer

from benchmarks.launch import RESULTS
from benchmarks.machine import about
from kohort.evidence.store import open_store
from kohort.serve.changes import Cursor
from kohort.serve.follower import Follower
from scripts import chromium
from tests.serve.serving import HELD, PUSHED, make_study, measure, serving

LOOKS = 2 * 60 * 60
"""Looks in an hour."""
EPOCH = 20
"""Looks between two epochs."""
AWAY = 2 * 60 * 10
"""Looks for which the second client is away."""
VISIT = 2 * 60 * 15
"""Looks between two visits of a browser."""

PUSHES = 20
"""Updates of a page in a second, and epochs that are written."""
CLIENTS = 8
"""Who listens at once."""
FRAMES = """(seconds) => new Promise((resolve) => {
  let [updates, drawn, longest, last] = [0, 0, 0, performance.now()];
  const [began, real] = [last, requestAnimationFrame];
  // The page asks for a frame for each time that it draws.
  window.requestAnimationFrame = (work) => { drawn += 1; return real(work); };
  const frame = (now) => {
    longest = Math.max(longest, now - last); last = now;
    if (now - began < 1000 * seconds) real(frame);
    else { clearInterval(timer); resolve([updates, drawn, longest, (now - began) / 1000]); }
  };
  const timer = setInterval(() => push(50 + updates++), EVERY);
  real(frame);
})""".replace("EVERY", str(1000 // PUSHES))


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


def page_figures(seconds: float = 10) -> dict[str, Any]:
    """What a browser does with updates that come faster than it draws."""
    names = [f"variant {number}" for number in range(250)]
    with tempfile.TemporaryDirectory() as folder, chromium.running() as browser:
        place = str(Path(folder, "kohort.db"))
        with open_store(place) as store:
            kept, members = make_study(store, names, replicates=4, epochs=400)
            with kept.claim(), serving(store, place) as server:
                kept.begin_run({})
                measure(kept, members, range(50))
                tab = browser.new_page()
                tab.add_init_script(HELD)
                tab.goto(f"{server.url}/study?name=width")
                tab.wait_for_function(
                    "() => document.querySelector('#answer').innerText.includes('249')"
                )
                tab.evaluate(PUSHED)
                updates, drawn, longest, took = tab.evaluate(FRAMES, seconds)
                tab.close()
    return {
        "members": len(members),
        "updates a second": round(updates / took, 1),
        "drawn a second": round(drawn / took, 1),
        "longest between frames, milliseconds": round(longest),
    }


def clients_figures(seconds: float = 20) -> dict[str, Any]:
    """What several clients hear of a study that writes epochs faster than it is read."""
    names = [f"variant {number}" for number in range(8)]
    epochs = int(seconds * PUSHES)
    heard, reached = [0] * CLIENTS, [0.0] * CLIENTS
    with tempfile.TemporaryDirectory() as folder:
        place = str(Path(folder, "kohort.db"))
        with open_store(place) as store:
            kept, members = make_study(store, names, replicates=8, epochs=epochs)
            with kept.claim(), serving(store, place, interval=0.5) as server:
                kept.begin_run({})

                def listen(client: int) -> None:
                    with server.feed("width") as messages:
                        for message, _ in messages:
                            heard[client] += 1
                            cells = message.get("cells", [])
                            if any(epoch == epochs - 1 for _, epoch, _ in cells):
                                reached[client] = time.perf_counter()
                                return

                threads = [threading.Thread(target=listen, args=(n,)) for n in range(CLIENTS)]
                for thread in threads:
                    thread.start()
                began = time.perf_counter()
                for epoch in range(epochs):
                    measure(kept, members, [epoch])
                    time.sleep(max(0.0, began + (epoch + 1) / PUSHES - time.perf_counter()))
                written = time.perf_counter()
                for thread in threads:
                    thread.join()
    return {
        "clients": CLIENTS,
        "epochs written a second": round(epochs / (written - began), 1),
        "updates heard a second, fewest": round(min(heard) / (max(reached) - began), 2),
        "updates heard a second, most": round(max(heard) / (max(reached) - began), 2),
        "seconds until all had the last epoch": round(max(reached) - written, 2),
    }


def main(hours: Annotated[int, typer.Option(min=2)] = 8) -> None:
    """Go through so many hours, then measure the page and its clients."""
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
    page, clients = page_figures(), clients_figures()
    print(json.dumps({"page": page, "clients": clients}), flush=True)
    told = {
        "machine": about(),
        "page": page,
        "clients": clients,
        "members": 64,
        "epochs": epochs,
        "hours": rows,
    }
    (RESULTS / "live.json").write_text(json.dumps(told, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    typer.run(main)
