"""What Ray runs for a study: its blocks, and small tasks about them."""

import inspect
import os
from collections.abc import Callable, Iterator
from typing import Any

import keras

from kohort.engine.ray_settings import Ray
from kohort.runs.cluster import connecting, gpus, shipping
from kohort.runs.cluster.messages import BlockTask, Message, Shipment

_PASSED_ON = ("JAX_", "XLA_", "KOHORT_CACHE")
"""Beginnings of the names of environment variables that workers get too; Ray shows them."""


def remote(ray: Any, cluster: Ray, modules: shipping.Modules, task: Callable[..., Any]) -> Any:
    """A task of a block's cores and GPUs, in processes of their own for each set of modules.

    With GPUs each task has a process of its own, as Ray has it: JAX leaves a GPU, and takes another
    one, only when its process ends.
    """
    variables = {name: value for name, value in os.environ.items() if name.startswith(_PASSED_ON)}
    variables |= {
        "KERAS_BACKEND": keras.backend.backend(),
        **gpus.variables(cluster.gpus),
        # XLA has as many threads as this says, and else as the machine has cores.
        "NPROC": str(cluster.cpus),
        "PJRT_NPROC": str(cluster.cpus),
        "KOHORT_SHIPPED": shipping.digest_of(modules),
    }
    streams = {"num_returns": "streaming"} if inspect.isgeneratorfunction(task) else {}
    options = {"num_cpus": cluster.cpus, "max_retries": 0, "runtime_env": {"env_vars": variables}}
    on_gpus = {"num_gpus": cluster.gpus} if cluster.gpus else {}
    return ray.remote(**options, **on_gpus, **streams)(task)


def warm() -> None:
    """Import what a worker needs."""
    from kohort.runs.cluster import worker

    del worker


def block(shipment: Shipment, task: BlockTask, rings: Any) -> Iterator[Message]:
    """Train a block in a worker of Ray."""
    import ray

    from kohort.runs.cluster import worker

    yield worker.begun(ray.get_runtime_context().get_node_id())
    if ray.get_gpu_ids():
        gpus.seen()  # None would let it train on the CPU.
    # Of futures nothing but Python waits. A task that calls `ray.get` or `ray.wait`, if only to
    # look, gives its cores up meanwhile: the node begins another block beside it.
    waiting = rings.wait.remote()
    rung = waiting.future()

    def ends() -> bool:
        return rung.done() and rung.exception() is None  # One where its node died.

    try:
        yield from worker.train_block(shipment, task, lambda sent: sent.future().result(), ends)
    finally:
        if ray.get_gpu_ids():
            # A process that waits for an answer does not end, and keeps its part of a GPU.
            ray.cancel(waiting)


def bell(ray: Any) -> Any:
    """An actor that tells all blocks to end."""

    class Bell:
        def __init__(self) -> None:
            import asyncio

            self.rung = asyncio.Event()

        async def wait(self) -> bool:
            return await self.rung.wait()

        async def ring(self) -> None:
            self.rung.set()

    here = ray.get_runtime_context().get_node_id()
    actor = ray.remote(num_cpus=0, max_restarts=0)(Bell)
    return actor.options(**connecting.on_node(ray, here, soft=True)).remote()


def reader() -> Callable[[str], str]:
    """A function that reads the last line that a worker wrote, "" where it wrote none.

    It can be sent to where there is no kohort.
    """

    def last_line(path: str) -> str:
        from pathlib import Path

        lines = Path(path).read_bytes()[-2000:].decode(errors="replace").splitlines()
        of_ray = (":job_id:", ":task_name:", ":actor_name:")
        words = [line.strip() for line in lines if not line.startswith(of_ray)]
        return next(filter(None, reversed(words)), "")

    return last_line


def killer() -> Callable[[int], None]:
    """A function that kills a process of Ray's, a stopped one too, and can be sent by value."""

    def kill(process: int) -> None:
        import os
        import signal
        from contextlib import suppress
        from pathlib import Path

        with suppress(OSError):  # It has ended, and its number may be that of another one.
            if Path(f"/proc/{process}/cmdline").read_bytes().startswith(b"ray::"):
                os.kill(process, signal.SIGKILL)

    return kill
