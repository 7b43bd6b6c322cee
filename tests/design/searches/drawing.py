"""Draws trials of spaces, for tests."""

import optuna

from kohort.design.searches.quiet import quiet


def drawn(space, count, seed=0):
    """The arguments of some random trials."""
    with quiet():
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
        found = [{} for _ in range(count)]
        for arguments in found:
            space.draw(study.ask(), arguments)
        return found
