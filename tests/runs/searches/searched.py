"""Small searches, for tests."""

import kohort
from kohort.runs.searches.keeping import SearchKeeper
from scripts.kills import build_small as build

SPACE = {
    "units": [4, 8],
    "rate": kohort.Range(1e-3, 0.3, log=True),
    "dropout": kohort.Range(0.1, 0.5, step=0.1),
}


def small(data, **options):
    """A search of some seconds."""
    given = {"trials": 12, "epochs": 4, "batch_size": 50, "reduction": 2}
    build_of, space = options.pop("build", build), options.pop("space", SPACE)
    return kohort.Search("small", build_of, space, data, **given | options)


def without_times(result):
    """All that a search and its proof measured, but for seconds."""
    return (
        result.trials().drop(columns="seconds").to_csv(),
        result.table().drop(columns=["seconds", "seconds_per_epoch"]).to_csv(),
        result.curves().to_csv(),
    )


def at_breath(monkeypatch, number, act=SearchKeeper.ask_to_end):
    """Let a run of a search do something, as to end, where it looks so many times whether to.

    Returns:
        A list, one longer with each look.
    """
    real, breaths = SearchKeeper.breathe, []

    def acting(keeper):
        breaths.append(1)
        if len(breaths) == number:
            act(keeper)
        real(keeper)

    monkeypatch.setattr(SearchKeeper, "breathe", acting)
    return breaths
