"""What all clients share: one reader for each study that somebody watches, and the reports."""

import asyncio
import tempfile
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError
from starlette.concurrency import run_in_threadpool

from kohort.errors import StoreError
from kohort.evidence.store import Store
from kohort.runs.loading import open as open_result
from kohort.serve.current_store import CurrentStore
from kohort.serve.follower import Follower
from kohort.serve.headline import Listing

MOST_FOLLOWED = 8
"""The most studies that are kept in memory: those that were asked for last."""

MOST_REPORTS = 4
"""The most reports that are kept in memory."""

SHARE = 4
"""So many times as long as reading took nothing is read: it costs a fifth of one core."""

_LONGEST = 3.0
"""Seconds that are waited at most: the first time all is read, and later what is new."""


def shown(place: str) -> str:
    """The place of a store as it is shown: without a password."""
    if "://" not in place:
        return place
    try:
        return make_url(place).render_as_string(hide_password=True)
    except ArgumentError:
        return ""


class Turns:
    """Lets something be done again only when it is due, by one client at a time."""

    def __init__(self, interval: float) -> None:
        self._interval, self._next = interval, float("-inf")
        self._lock = asyncio.Lock()

    async def take(self, work: Callable[[], Any]) -> None:
        """Do it in another thread, if it is due."""
        async with self._lock:
            began = time.monotonic()
            if began < self._next:
                return
            try:
                await run_in_threadpool(work)
            finally:
                ended = time.monotonic()
                self._next = ended + max(self._interval, min(SHARE * (ended - began), _LONGEST))


class Hub:
    """The studies of a store, for clients.

    Args:
        store: The store, which stays open.
        place: Of the store.
        interval: The least seconds between two looks at one study.
    """

    def __init__(self, store: Store, place: str, interval: float) -> None:
        self._store, self._place, self._interval = store, place, interval
        self._current, self._looking = CurrentStore(store, place), asyncio.Lock()
        self._followed = OrderedDict[str, tuple[Follower, Turns]]()
        self._judging: dict[str, asyncio.Task[None]] = {}
        self._reports = OrderedDict[str, tuple[object, str]]()
        self._rendering = asyncio.Lock()
        self._listing, self._listing_turns = Listing(store), Turns(4 * interval)
        self._rows: list[dict[str, Any]] = []

    def close(self) -> None:
        """Close the store, where another one than the given was opened in its place."""
        self._current.close()

    async def _look_at_place(self) -> None:
        """Forget all that is known of a store in whose place there is another.

        Raises:
            StoreError: There is none any more, or it cannot be opened.
        """
        async with self._looking:
            store = await run_in_threadpool(self._current.opened)
            if store is self._store:
                return
            self._store = store
            self._followed.clear()
            self._reports.clear()
            self._listing, self._listing_turns = Listing(store), Turns(4 * self._interval)

    async def rows(self) -> list[dict[str, Any]]:
        """The list of studies.

        Raises:
            StoreError: The store cannot be read.
        """

        def read() -> None:
            self._rows = self._listing.rows()

        await self._look_at_place()
        await self._listing_turns.take(read)
        return self._rows

    async def follower(self, name: str) -> Follower:
        """The study of a name, read when that is due.

        Raises:
            StoreError: There is none, or it cannot be read.
        """
        await self._look_at_place()
        if name not in self._followed:
            follower = Follower(self._store, self._place, name)
            self._followed[name] = follower, Turns(self._interval)
        self._followed.move_to_end(name)
        while len(self._followed) > MOST_FOLLOWED:
            self._followed.popitem(last=False)
        follower, turns = self._followed[name]
        try:
            await turns.take(follower.look)
        except Exception:
            # What was read halfway is read anew.
            self._followed.pop(name, None)
            raise
        if follower.is_judged_soon and name not in self._judging:
            self._judging[name] = asyncio.create_task(self._judge(name, follower))
        return follower

    async def _judge(self, name: str, follower: Follower) -> None:
        try:
            with suppress(StoreError):  # The next look tells of it.
                await run_in_threadpool(follower.judge)
        finally:
            self._judging.pop(name, None)

    async def report(self, name: str) -> str:
        """The report of a study that was run to its end, as it would be written now.

        Raises:
            StoreError: There is no such study, or it was not run to its end.
        """
        async with self._rendering:
            await self._look_at_place()
            kept = await run_in_threadpool(self._store.study, name)
            stamp = await run_in_threadpool(
                lambda: (kept.number, kept.runs(), [reading.at for reading in kept.readings()])
            )
            known = self._reports.get(name)
            if known is None or known[0] != stamp:
                known = stamp, await run_in_threadpool(self._rendered, name)
                self._reports[name] = known
            self._reports.move_to_end(name)
            while len(self._reports) > MOST_REPORTS:
                self._reports.popitem(last=False)
            return known[1]

    def _rendered(self, name: str) -> str:
        with tempfile.TemporaryDirectory() as folder:
            path = open_result(self._place, name).report(Path(folder, "report.html"))
            return path.read_text("utf-8")

    async def ask_to_end(self, name: str) -> bool:
        """Ask the run of a study to end after its epoch; returns False where none goes on.

        Raises:
            StoreError: There is no such study, or the store cannot be written.
        """
        await self._look_at_place()
        return await run_in_threadpool(lambda: self._store.study(name).ask_to_end())
