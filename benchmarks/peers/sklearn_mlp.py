"""The peer `sklearn.neural_network.MLPClassifier`, one model after another."""

import numpy as np
import sklearn
from sklearn.neural_network import MLPClassifier

from benchmarks.peers.common import Clock, Data, parser, tell
from benchmarks.work import BATCH, CLASSES, VALIDATION, named


def main() -> None:
    """Train, and tell."""
    options = parser(__doc__).parse_args()
    clock = Clock(options.started)
    clock.imported()
    work, data = named(options.work), Data(options.data)
    (name, net), *_ = work.variants.items()
    valid = int(len(data.x) * VALIDATION)
    x, y, x_valid, y_valid = data.x[:-valid], data.y[:-valid], data.x[-valid:], data.y[-valid:]
    reached = []
    for seed in range(work.looped):
        model = MLPClassifier(
            net.units, alpha=0.0, batch_size=BATCH, epsilon=1e-7, random_state=seed
        )
        for epoch in range(options.epochs):
            model.partial_fit(x, y, classes=np.arange(CLASSES))
            accuracy = model.score(x_valid, y_valid)
            clock.mark(epoch)
        reached.append(accuracy)
    tell(clock, work, work.looped, {name: reached}, sklearn=sklearn.__version__)


if __name__ == "__main__":
    main()
