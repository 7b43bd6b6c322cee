"""A record's view for other programs: as a plain table, as files, as a study of Optuna's."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pandas as pd

from kohort.evidence.given_values import columns
from kohort.report.exports.export import export
from kohort.report.exports.study_export import of_conclusions
from kohort.report.race.race_view import RaceView

if TYPE_CHECKING:
    import optuna

    from kohort.report.searches.optuna_study import Storage

type ExportFormat = Literal["csv", "parquet", "tensorboard", "mlflow", "optuna"]


class FrameView(RaceView):
    """What the record of a study says of each member.

    Args:
        record: The record.
    """

    def to_frame(self) -> pd.DataFrame:
        """One row per member, to fit models of your own to, or to plot.

        Columns: `variant` and `replicate`; the validation score (`val_accuracy`, say) and the same
        metric on the training part (`train_accuracy`), which `table` has the means of: in inference
        mode, at the epoch that other replicates choose (`best_epoch`, from 1), and missing
        where the member diverged; how many `epochs` it trained, and in how many `seconds`, with
        compilation; then the arguments of its variant, as in `table`.

        Example:
            >>> frame = result.to_frame()
            >>> frame[["variant", "replicate", "best_epoch", "units"]][2:4]
                variant  replicate  best_epoch  units
            2   units=1          2           2      1
            3  units=16          0           2     16
            >>> frame.groupby("variant")["val_accuracy"].mean().idxmax()
            'units=16'
        """
        record, studied = self.record, self._conclusions.study.variants
        metric, whole = record.settings.metric, record.whole
        rows, arguments = [], []
        for number, (variant, curves) in enumerate(zip(record.variants, studied, strict=True)):
            scores, trained = map(self._conclusions.scores, (number, number), ("val_", "eval_"))
            best = curves.best_by_others if len(curves.sound) else ()
            chosen = dict(zip(curves.sound.tolist(), best, strict=True))
            for replicate, length in enumerate(whole.lengths[number].tolist()):
                if not length:  # of a race that its variant had left
                    continue
                rows.append(
                    {
                        "variant": variant.name,
                        "replicate": replicate,
                        f"val_{metric}": scores[replicate],
                        f"train_{metric}": trained[replicate],
                        "best_epoch": chosen[replicate] + 1 if replicate in chosen else pd.NA,
                        "epochs": length,
                        "seconds": record.seconds.get((number, replicate)),
                    }
                )
                arguments.append({**variant.defaults, **variant.arguments})
        frame = pd.DataFrame(rows).astype({"best_epoch": "Int64"})
        return frame.assign(**columns(arguments, frame.columns))

    def export(
        self,
        path: str | Path,
        to: ExportFormat | None = None,
    ) -> list[Path]:
        """Write what was measured and found for other programs, as `kohort export` does.

        Args:
            path: The folder to write to. "tensorboard", "mlflow" and "optuna" take one that is not
                there yet.
            to: "csv" or "parquet": tables of curves, members, findings and recalls, in the place of
                those that are there. "tensorboard": event files, named as Keras's callback does.
                "mlflow": a database of runs. "optuna": a storage of Optuna's, a trial for each
                variant (see `to_optuna`). None writes the curves alone, as one file, where
                `path` ends in ".csv" or ".parquet", and else all tables as "csv"; a path that ends
                as another kind of file is refused.

        Returns:
            The paths of what was written.

        Raises:
            StoreError: The path cannot be written, or is taken; there is no such format, or the
                package that writes it is not installed.

        Example:
            >>> [path.name for path in result.export("tables", to="csv")]
            ['curves.csv', 'members.csv', 'findings.csv', 'recalls.csv']
        """
        return export(of_conclusions(self._conclusions), Path(path), to)

    def to_optuna(self, storage: "Storage" = None) -> "optuna.Study":
        """The study as one of Optuna's, for its dashboard and plots: a trial for each variant.

        The value of a trial is the variant's mean score, as in `table`, and the mean over
        replicates after each epoch is its intermediate value at that step (from 1). Arguments are
        its parameters, each a choice among those that the study has; attributes of the trial have
        the interval, the score of each replicate, parameters, seconds and the verdicts of findings.
        Complete are those trials that the winner was chosen from, so that `best_trial` is the
        winner: a variant that left a race is pruned, one that lost replicates to divergence failed.

        Args:
            storage: Where to write it, such as "sqlite:///optuna.db", or a storage of Optuna's;
                None for memory.

        Raises:
            StoreError: The storage has a study of this name, or cannot be opened.

        Example:
            >>> study = result.to_optuna()
            >>> study.best_trial.user_attrs["variant"], study.best_params
            ('units=16', {'units': 16})
        """
        from kohort.report.exports.optuna_trials import write_to

        return write_to(self._conclusions, storage)
