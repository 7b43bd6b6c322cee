"""The peer that prunes nothing: trials drawn at random, each trained whole by `keras.Model.fit`."""

import optuna

from benchmarks.peers.search_optuna import search

if __name__ == "__main__":
    search(lambda seed: optuna.samplers.RandomSampler(seed=seed), pruner=None)
