"""Search the same space by kohort and by its peers, in turn, each in a process of its own.

    python -m benchmarks.searches --work table --trials 128 --epochs 27

The peers: `optuna`, Optuna's TPE with its Hyperband pruner driving `keras.Model.fit`; `tuner`,
KerasTuner's Hyperband, in the environment of `make peers`; and `whole`, `keras.Model.fit` of trials
drawn at random, each for all epochs. All run on Keras's JAX backend, cold, with the same space,
data, split, batches and most epochs.
kohort's time is that to the confirmed winner; the others confirm nothing. The winner of each, as it
would be shipped, is scored on test samples. Results: benchmarks/results/search-WORK.json, or
search-NAME.json of a `--name`.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.launch import INTERPRETERS, RESULTS, launch
from benchmarks.peers import OWN, PEERS_ENVIRONMENT

PEERS = {
    "kohort": "benchmarks.peers.search_kohort",
    "optuna": "benchmarks.peers.search_optuna",
    "tuner": "benchmarks.peers.search_tuner",
    "whole": "benchmarks.peers.search_whole",
}


def main() -> None:
    """Run each peer in turn, and write what they measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", default="table", choices=("table", "letters", "conv", "small"))
    parser.add_argument("--trials", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=27)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--peers", default="kohort,optuna")
    parser.add_argument("--name", help="of the results; that of the work where left out")
    options = parser.parse_args()
    rows = []
    for seed in range(options.seeds):
        for peer in options.peers.split(","):
            rows.append(measured(peer, options, seed))
            print(json.dumps(rows[-1]), flush=True)
    about = {"trials": options.trials, "epochs": options.epochs, "machine": machine.about()}
    path = RESULTS / f"search-{options.name or options.work}.json"
    path.write_text(json.dumps({**about, "rows": rows}, indent=1) + "\n")


def measured(peer: str, options: argparse.Namespace, seed: int) -> dict[str, Any]:
    """One search of one peer, cold."""
    python = INTERPRETERS[PEERS_ENVIRONMENT if peer == "tuner" else OWN]
    if not Path(python).exists():
        return {"peer": peer, "seed": seed, "failed": "no environment (make peers)"}
    with tempfile.TemporaryDirectory() as cache:
        arguments = [options.work, str(options.trials), str(options.epochs), str(seed)]
        found = launch(
            [python, "-m", PEERS[peer], *arguments],
            {"KERAS_BACKEND": "jax", "KOHORT_CACHE": cache, "TF_CPP_MIN_LOG_LEVEL": "3"},
        )
    return {"peer": peer, "seed": seed, **found}


if __name__ == "__main__":
    main()
