"""A record's view as a plain table, for other programs."""

import pandas as pd

from kohort.evidence.given_values import columns
from kohort.report.race.race_view import RaceView


class FrameView(RaceView):
    """What the record of a study says of each member.

    Args:
        record: The record.
    """

    def to_frame(self) -> pd.DataFrame:
        """One row per member, to fit models of your own to, or to plot.

        Columns: `variant` and `replicate`; the validation score (`val_accuracy`, say) and the same
        metric on the training part (`train_accuracy`), which `table` has the means of: in inference
        mode, at the epoch that the other replicates choose (`best_epoch`, from 1), and missing
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
        valid, train = (whole.of(f"{side}_{metric}") for side in ("val", "eval"))
        rows, arguments = [], []
        for number, (variant, curves) in enumerate(zip(record.variants, studied, strict=True)):
            scores, trained = (curves.at_best(of[number]) for of in (valid, train))
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
