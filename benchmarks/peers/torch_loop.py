"""The peer that is written by hand: an eager PyTorch loop with fused Adam, or with `torch.func`.

It keeps the running loss and accuracy of training and validates after each epoch, as Keras does.
"""

import argparse
from collections.abc import Callable, Iterator

import torch
from torch import nn
from torch.func import functional_call, stack_module_state, vmap
from torch.nn import functional

from benchmarks.peers.common import Clock, Data, parser, split, tell
from benchmarks.work import BATCH, SIDE, VALIDATION, Net, Work, layers, named

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
Logits = Callable[[torch.Tensor], torch.Tensor]


def build(net: Net) -> nn.Sequential:
    """A net with Keras's initial distribution: Glorot's uniform kernels, biases of zero."""
    parts: list[nn.Module] = [nn.Unflatten(1, (1, SIDE, SIDE))] if net.filters else []
    channels = 1
    for filters in net.filters:
        parts += [nn.Conv2d(channels, filters, 3), nn.ReLU(), nn.MaxPool2d(2)]
        channels = filters
    if net.filters:
        parts.append(nn.Flatten())
    dense = layers(net)[len(net.filters) :]
    for number, layer in enumerate(dense):
        parts.append(nn.Linear(layer.inner, layer.columns))
        if number < len(dense) - 1:
            parts.append(nn.ReLU())
            if net.dropout:
                parts.append(nn.Dropout(net.dropout))
    model = nn.Sequential(*parts)
    for part in model:
        if isinstance(part, nn.Linear | nn.Conv2d):
            nn.init.xavier_uniform_(part.weight)
            nn.init.zeros_(part.bias)
    return model.to(DEVICE)


def penalty(model: nn.Sequential, net: Net) -> torch.Tensor | float:
    """L1 and L2 on the kernels of hidden layers, as Keras adds them to the loss."""
    kernels = [part.weight for part in model if isinstance(part, nn.Linear)][:-1]
    if net.l1:
        return net.l1 * sum(kernel.abs().sum() for kernel in kernels)
    if net.l2:
        return net.l2 * sum(kernel.square().sum() for kernel in kernels)
    return 0.0


def one_by_one(
    work: Work, options: argparse.Namespace, data: Data, clock: Clock
) -> dict[str, list[float]]:
    """Train one model after another; the accuracies reached, by variant."""
    reached: dict[str, list[float]] = {name: [] for name in work.variants}
    for seed in range(work.looped):
        arrays = rows_of(work, data, seed)
        for name, net in work.variants.items():
            torch.manual_seed(seed)
            model = build(net)
            train_loop(
                model,
                lambda logits, y, model=model, net=net: (
                    functional.cross_entropy(logits, y) + penalty(model, net)
                ),
                list(model.parameters()),
                arrays,
                options,
                clock,
                lambda accuracy, name=name: reached[name].append(float(accuracy)),
            )
    return reached


def side_by_side(
    work: Work, options: argparse.Namespace, data: Data, clock: Clock
) -> dict[str, list[float]]:
    """Train all models of a variant as one vmapped program; the accuracies reached."""
    reached: dict[str, list[float]] = {}
    for name, net in work.variants.items():
        torch.manual_seed(0)
        models = [build(net) for _ in range(work.members)]
        weights, buffers = stack_module_state(models)
        skeleton = models[0].to("meta")
        train_loop(
            Stacked(skeleton, weights, buffers),
            # The sum over members of mean losses: each member's gradient is its own.
            lambda logits, y: (
                functional.cross_entropy(
                    logits.flatten(0, 1), y.repeat(len(logits)), reduction="sum"
                )
                / len(y)
            ),
            list(weights.values()),
            rows_of(work, data, 0),
            options,
            clock,
            lambda accuracy, name=name: reached.update({name: accuracy.tolist()}),
        )
    return reached


class Stacked(nn.Module):
    """Members side by side: logits `[member, sample, class]` of one batch."""

    def __init__(self, skeleton: nn.Module, weights: dict, buffers: dict) -> None:
        super().__init__()
        # In a list, so that it is no part of this module, which trains the stacked weights.
        self.skeleton, self.weights, self.buffers_ = [skeleton], weights, buffers

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """All members on one batch."""
        return vmap(
            lambda weights, buffers: functional_call(self.skeleton[0], (weights, buffers), (x,))
        )(self.weights, self.buffers_)


def rows_of(work: Work, data: Data, seed: int) -> tuple[torch.Tensor, ...]:
    """Inputs and labels that train, then those that validate, on the device."""
    x, y = data.x, data.y
    valid = int(len(x) * VALIDATION)
    if work.is_study:
        train_rows, valid_rows = split(len(x), VALIDATION, seed)
        parts = (x[train_rows], y[train_rows], x[valid_rows], y[valid_rows])
    else:
        parts = (x[:-valid], y[:-valid], x[-valid:], y[-valid:])
    x, y, x_valid, y_valid = (torch.from_numpy(part).to(DEVICE) for part in parts)
    return x, y.long(), x_valid, y_valid.long()


def batches(count: int) -> Iterator[torch.Tensor]:
    """Rows of an epoch's batches, in a new order."""
    yield from torch.randperm(count, device=DEVICE).split(BATCH)


def train_loop(
    model: nn.Module,
    loss_of: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    weights: list[torch.Tensor],
    arrays: tuple[torch.Tensor, ...],
    options: argparse.Namespace,
    clock: Clock,
    done: Callable[[torch.Tensor], object],
) -> None:
    """Train, validate after each epoch, and hand the last accuracy over."""
    x, y, x_valid, y_valid = arrays
    optimizer = torch.optim.Adam(weights, eps=1e-7, fused=True)
    mixed = torch.autocast(DEVICE.type, torch.bfloat16, enabled=options.precision == "bfloat16")
    for epoch in range(options.epochs):
        model.train()
        running, right = torch.zeros((), device=DEVICE), torch.zeros((), device=DEVICE)
        for rows in batches(len(x)):
            batch, labels = x[rows], y[rows]
            optimizer.zero_grad(set_to_none=True)
            with mixed:
                logits = model(batch)
            loss = loss_of(logits.float(), labels)
            loss.backward()
            optimizer.step()
            running += loss.detach() * len(rows)
            right += (logits.detach().argmax(-1) == labels).sum()
        accuracy = validated(model, x_valid, y_valid, mixed)
        clock.mark(epoch)
    done(accuracy)


@torch.no_grad()
def validated(
    model: nn.Module, x: torch.Tensor, y: torch.Tensor, mixed: torch.autocast
) -> torch.Tensor:
    """Accuracy on the validation samples, in Keras's batches; of each member."""
    model.eval()
    right, loss = 0, 0
    for batch, labels in zip(x.split(BATCH), y.split(BATCH), strict=True):
        with mixed:
            logits = model(batch).float()
        right = right + (logits.argmax(-1) == labels).sum(-1)
        shared = labels.expand(logits.shape[:-1]).flatten()
        loss = loss + functional.cross_entropy(logits.flatten(0, -2), shared, reduction="sum")
    float(loss)  # which a GPU has computed only when it is asked for
    return right / len(y)


def main() -> None:
    """Train, and tell."""
    arguments = parser(__doc__)
    arguments.add_argument("--vmap", action="store_true", help="members side by side")
    options = arguments.parse_args()
    clock = Clock(options.started)
    if DEVICE.type == "cuda":
        # As JAX multiplies float32 on a GPU, for Keras and kohort alike.
        torch.backends.cuda.matmul.allow_tf32 = True
    clock.imported()
    work, data = named(options.work), Data(options.data)
    reached = (side_by_side if options.vmap else one_by_one)(work, options, data, clock)
    versions = {"torch": torch.__version__, "device": DEVICE.type}
    tell(clock, work, sum(map(len, reached.values())), reached, **versions)


if __name__ == "__main__":
    main()
