"""A model of the breadth by an eager PyTorch loop with fused Adam, written by hand.

It keeps the running loss and accuracy, and validates after each epoch, as Keras does.
"""

import json
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from benchmarks.peers.common import Clock, measured, timed
from benchmarks.tasks import TASKS, VALIDATION, Task
from benchmarks.torch_models import BREADTH


def loss_of(task: Task, said: Any, y: torch.Tensor) -> torch.Tensor:
    """The task's loss, of logits; a variational autoencoder says its distribution too."""
    if isinstance(said, tuple):
        decoded, mean, log_variance = said
        divergence = log_variance.exp() + mean.square() - 1 - log_variance
        return functional.mse_loss(decoded, y) + 0.001 * divergence.mean()
    if task.classes == 1:
        return functional.binary_cross_entropy_with_logits(said, y)
    if task.classes:
        # The classes stand last, as in Keras.
        return functional.cross_entropy(said.flatten(0, -2), y.flatten())
    return functional.mse_loss(said, y)


def right(task: Task, said: Any, y: torch.Tensor) -> torch.Tensor | float:
    """The share of labels that is right; of numbers, zero."""
    if task.classes == 1:
        return ((said > 0) == y).float().mean()
    return (said.argmax(-1) == y).float().mean() if task.classes else 0.0


@torch.no_grad()
def validated(model: nn.Module, task: Task, batches: Iterable[list[torch.Tensor]]) -> float:
    """The mean loss of validation samples."""
    model.eval()
    loss, share, count = torch.zeros(()), torch.zeros(()), 0
    for *x, y in batches:
        said = model(*x)
        loss += loss_of(task, said, y) * len(y)
        share += right(task, said, y) * len(y)
        count += len(y)
    return float(loss) / count


def train(model: nn.Module, task: Task, epochs: int, clock: Clock) -> float:
    """Train a model; its loss on validation samples after the last epoch."""
    x, y = task.data()
    labels = torch.from_numpy(y).long() if task.classes > 1 else torch.from_numpy(y)
    arrays = [*map(torch.from_numpy, x), labels]
    kept = int(len(y) * (1 - VALIDATION))
    trained, tested = [a[:kept] for a in arrays], [a[kept:] for a in arrays]
    optimizer = torch.optim.Adam(model.parameters(), eps=1e-7, fused=True)
    for epoch in range(epochs):
        model.train()
        loss_sum, share = torch.zeros(()), torch.zeros(())
        for rows in torch.randperm(kept).split(task.batch):
            *batch, wanted = (a[rows] for a in trained)
            optimizer.zero_grad(set_to_none=True)
            said = model(*batch)
            loss = loss_of(task, said, wanted)
            loss.backward()
            optimizer.step()
            loss_sum += loss.detach() * len(rows)
            share += right(task, said, wanted) * len(rows)
        parts = [a.split(task.batch) for a in tested]
        reached = validated(model, task, zip(*parts, strict=True))
        clock.mark(epoch)
    return reached


def main() -> None:
    """Train, and tell."""
    arguments = timed(__doc__)
    arguments.add_argument("--task", choices=TASKS, required=True)
    options = arguments.parse_args()
    clock = Clock(options.started)
    clock.imported()
    torch.manual_seed(0)
    loss = train(BREADTH[options.task](), TASKS[options.task], options.epochs, clock)
    print(json.dumps(measured(clock, 1, torch=torch.__version__) | {"loss": loss}), flush=True)


if __name__ == "__main__":
    main()
