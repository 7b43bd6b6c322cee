"""The part of a record's view that is about classes."""

import pandas as pd

from kohort.report.classes.recall_table import recall_table
from kohort.report.classes.recall_words import recalls_text
from kohort.report.race.race_view import RaceView


class ClassView(RaceView):
    """What the record of a study says of its race, and of which classes are found."""

    def recalls(self) -> pd.DataFrame:
        """How much of each class is found on validation: a row per variant, best first, and class.

        Columns: `recall`, the part of the class's validation samples that is given this class,
        from 0 to 1, a mean over replicates, with its interval (`low`, `high`; NaN where it is the
        same in all replicates), and `samples`, how many the class has in a validation part, on
        average. The `balanced_accuracy` of `table` is the mean of a variant's recalls, each over
        the parts that hold its class; it has an interval where each part holds each class.

        Each member answers with the weights that are kept of it, those of its own epoch of lowest
        validation loss, as `members[variant, replicate].model()` has them. The score of `table` is
        that of the epoch which other replicates choose, so that the two differ a little. The
        class is the one with the highest output; of one output class 1 from 0.5.

        Raises:
            DesignError: The targets are no classes, or the models give no score for each class.

        Example:
            >>> recalls = result.recalls()
            >>> recalls.loc["units=16"].index.to_list()
            ['a', 'b', 'c', 'd', 'e']
            >>> recalls["recall"].between(0, 1).all()
            np.True_
            >>> recalls["recall"].unstack().shape  # a row per variant, a column per class
            (2, 5)
        """
        return recall_table(self._conclusions)

    def recalls_text(self) -> list[str]:
        """What variants find of each class on validation, in a sentence each.

        They are the winner, the baseline, and the one of the highest balanced accuracy; where that
        of other variants is not known, it names these. Empty where the largest class has less than
        twice the samples of the smallest: there the accuracy tells it.

        Example:
            >>> result.recalls_text()  # its classes are of about one size
            []
        """
        return recalls_text(self._conclusions)
