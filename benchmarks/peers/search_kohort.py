"""The peer kohort: a search, to the confirmed winner."""

import sys
import tempfile
import time
from pathlib import Path

import kohort
from benchmarks.peers.search_told import told
from benchmarks.peers.search_work import DROPOUTS, PENALTIES, RATES, VALIDATION, named


def main() -> None:
    """Search, and tell."""
    name, trials, epochs, seed = sys.argv[1], *map(int, sys.argv[2:])
    work = named(name)
    search = kohort.Search(
        name,
        lambda **arguments: work.build(arguments),
        {
            "units": work.widths,
            "learning_rate": kohort.Range(*RATES, log=True),
            "dropout": kohort.Range(*DROPOUTS),
            "l2": kohort.Range(*PENALTIES, log=True),
        },
        work.train,
        trials=trials,
        epochs=epochs,
        batch_size=work.batch_size,
        seed=seed,
        replicates=kohort.Race(kohort.Holdout(VALIDATION, repeats=12), first=4, looks=3),
    )
    began = time.perf_counter()
    result = search.run(verbose=0)
    ran = time.perf_counter()
    if name == "small":  # From start to report: the peers write none.
        with tempfile.TemporaryDirectory() as folder:
            result.report(Path(folder) / "report.html")
    best = result.flattery().iloc[0]
    told(
        work.accuracy(result.best().model()),
        validation=float(best["searched"]),
        proved=float(best["proved"]),
        trials=len(search.trials()),
        member_epochs=result.searched.member_epochs,
        training_seconds=result.searched.seconds,
        run_seconds=ran - began,
        report_seconds=time.perf_counter() - ran,
    )


if __name__ == "__main__":
    main()
