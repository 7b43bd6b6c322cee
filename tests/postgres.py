"""A PostgreSQL server of its own for the tests, from the binaries of the system."""

import itertools
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import psycopg

NAMES = itertools.count(1)


def binaries() -> Path | None:
    """The folder of initdb, of the newest version that is there."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: p.parts[4].zfill(3)
    )
    path = found[-1] if found else shutil.which("initdb")
    return Path(path).parent if path else None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """A server that can be stopped and started; whoever connects locally is trusted."""

    def __init__(self, folder: Path) -> None:
        self._bin = folder
        # Not pytest's folder, which only its owner can enter: the server refuses to run as root.
        self._home = Path(tempfile.mkdtemp(prefix="pg-"))
        self._user = "postgres" if os.geteuid() == 0 else None
        if self._user:
            shutil.chown(self._home, self._user)
        self.port = free_port()
        self._call("initdb", "-U", "kohort", "-A", "trust", "-E", "UTF8", "--no-sync")
        self.start()

    def _call(self, program: str, *arguments: str) -> None:
        with (self._home / "calls").open("a") as said:
            subprocess.run(
                [self._bin / program, "-D", self._home / "data", *arguments],
                user=self._user,
                cwd=self._home,
                check=True,
                stdout=said,
                stderr=said,
            )

    def start(self) -> None:
        options = f"-p {self.port} -k {self._home} -h 127.0.0.1 -c fsync=off"
        self._call("pg_ctl", "-w", "-l", str(self._home / "log"), "-o", options, "start")

    def stop(self, mode: str = "fast") -> None:
        self._call("pg_ctl", "-w", "-m", mode, "stop")

    def remove(self) -> None:
        self.stop("immediate")
        shutil.rmtree(self._home)

    def url(self, database: str, user: str = "kohort") -> str:
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """The URL of a new database."""
        name = f"test{next(NAMES)}"
        self.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def execute(self, command: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(command)
            return cursor.fetchall() if cursor.description else []
