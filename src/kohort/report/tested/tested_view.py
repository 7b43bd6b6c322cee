"""The part of a result that is about the test set: who was read, and what was found there."""

from collections.abc import Callable, Sequence
from functools import cached_property

from kohort.data.dataset import Dataset
from kohort.data.labels import ClassLabels, class_labels
from kohort.errors import DesignError, StoreError, count
from kohort.evidence.readings import KeptReadings, Reading, Tested
from kohort.evidence.record import StudyRecord
from kohort.findings.finding import Finding
from kohort.findings.grouped.over_groups import paired_over
from kohort.findings.rules import above_test
from kohort.findings.statistics.proportion import PairedProportions
from kohort.report.classes.found_labels import label_answers
from kohort.report.held_out import Candidate, HeldOut, TestSet, score
from kohort.report.record_view import RecordView
from kohort.report.tested import on_test
from kohort.report.tested.beside_answer import beside_the_answer
from kohort.report.tested_scores import TestScore, errors_of, test_score


class TestedView(RecordView):
    """What the record of a study says, and how its models do on the test set.

    Args:
        record: The record.
        data: The data of the study; None where it was opened without them.
        readings: The stored readings of the test set; None to keep them only in this object.
        candidate_of: Returns the member that is tested of a variant, by the variant's number.
    """

    def __init__(
        self,
        record: StudyRecord,
        data: Dataset | None,
        readings: KeptReadings | None,
        candidate_of: Callable[[int], Candidate],
    ) -> None:
        super().__init__(record)
        self._data, self._readings, self._candidate_of = data, readings, candidate_of
        self.pending = ""
        """What was asked of its search since, and is not in it yet; empty where nothing was."""

    def __repr__(self) -> str:
        won = "no winner" if self.winner is None else f"winner {self.winner!r}"
        told = (
            f"{count(len(self.record.variants), 'variant')}, {won}"
            f"{f'; {self.pending}' * bool(self.pending)}"
        )
        return f"{type(self).__name__}({self.settings.study!r}, {told})"

    @property
    def data(self) -> Dataset:
        """The data of the study.

        Raises:
            DesignError: It was opened without them.

        Example:
            >>> result.data
            Dataset('points', 240 train and 60 test samples of (5,) float32, 5 classes)
        """
        if self._data is None:
            raise without_data()
        return self._data

    @cached_property
    def _test_set(self) -> TestSet:
        return TestSet(self.data, self._labels, self.metric, self._readings)

    @cached_property
    def _labels(self) -> ClassLabels | None:
        constant = self.record.constant
        counts_classes = self.record.majority is not None or self.settings.weighs_answers
        counts_classes |= self.settings.counted is not None
        counts_classes |= constant is not None and constant.is_of_classes
        # Who weighs classes says that there are some.
        are_classes = counts_classes or bool(self.settings.class_weights)
        return class_labels(self.data, floats_are_labels=are_classes)

    def test(self, *variants: str) -> list[HeldOut]:
        """Accuracy on the test set, of the winner and of the baseline (the first variant).

        The test set is read once for these two, after the winner was chosen, and nothing is
        chosen by it: `test_scores` tells of the same reading. Naming other variants reads it
        again: that is recorded in `readings`, and the report shows it, since what is picked by
        such a number is flattered by it. Where there is no winner it is not read. In a store
        readings are kept, with what was found: a member with the same weights is not tested
        again, and who wins after a study went on is another reading. A study that is opened
        without its data tells what was found. Of two classes `areas` has the areas under the ROC
        curve and under that of precision and recall.

        Args:
            *variants: Names; none for the winner and the baseline.

        Raises:
            DesignError: There is no test set, the targets are no class labels, the model gives no
                class scores, there is no such variant, it did not train to the end, or the study
                was opened without its data.

        Example:
            >>> winner, baseline = result.test()
            >>> winner.variant, baseline.variant
            ('units=16', 'units=1')
            >>> winner.accuracy.mean > baseline.accuracy.mean
            True
            >>> winner.confusion.shape  # true class, predicted class
            (5, 5)
        """
        numbers = [self._number(name) for name in variants]
        self._check_test_set()
        has_classes = self._data is None or self._labels is not None
        tested = self._held(self._tested_of(numbers)) if has_classes else []
        if not tested and self._conclusions.winner is not None:
            raise DesignError(
                "class labels, and a model with a score for each class",
                f"{self._data or 'data'!r} and models that give something else",
                "score them by the metric of the study: result.test_scores()",
            )
        return tested

    def test_text(self) -> str:
        """`test_scores` and `test` of the winner and the baseline in a few sentences.

        Where the metric that scores is the accuracy of classes, that is told once. It tells where
        a model is not shown to be right more often than always answering the most common class of
        the training data, of which classes it finds no sample, and where validation lies far above
        (KH203). Empty without a winner or a test set, and of a study that was opened without its
        data where nothing was read before.

        Example:
            >>> print(result.test_text())
            units=16 is right for ... of 60 samples. The baseline, units=1, is right for ...
        """
        tested = self._told
        told = on_test.told(
            self._held(tested),
            self._scores(tested),
            self._conclusions.study.scale,
            self.settings,
        )
        far = [f for f in self.findings() if (f.code, f.verdict) == (above_test.RULE.code, "found")]
        return " ".join([told, *(finding.sentence for finding in far)])

    def answer(self) -> str:
        """The result in a sentence or three: which wins, and which it cannot be told from.

        Once the test set has been read it also tells where the score there has no interval, being
        of too few groups, where an area under ROC is off by the thresholds that Keras counts it by,
        and where it is not shown to rank two classes better than chance. This reads nothing.

        Example:
            >>> print(result.answer())
            units=16 does best on validation data: ... better than the baseline, units=1: ...
        """
        tested = self._known_tested
        beside = beside_the_answer(self._held(tested), self._scores(tested))
        return " ".join(filter(None, [super().answer(), beside]))

    def test_difference(self) -> PairedProportions:
        """The winner (`b`) against the baseline (`a`), sample by sample of the test set.

        Raises:
            DesignError: As `test`; or the winner is the baseline, or the baseline did not train.

        Example:
            >>> paired = result.test_difference()
            >>> paired.difference.n, paired.difference.low > 0
            (60, True)
        """
        tested = self.test()
        if len(tested) < 2:
            raise DesignError(
                "a winner and a baseline",
                f"{tested[0].variant} alone" if tested else "no winner",
                "compare other variants",
            )
        winner, baseline = tested
        confidence = self.settings.confidence
        return paired_over(baseline.right, winner.right, winner.groups, confidence)

    def readings(self) -> tuple[Reading, ...]:
        """When the test set was read, and for which; of a study in a store, in all of its runs.

        Example:
            >>> tested = result.test()
            >>> [member.variant for member in result.readings()[0].members]
            ['units=16', 'units=1']
        """
        if self._data is not None:
            return tuple(self._test_set.readings)
        return () if self._readings is None else tuple(self._readings.all())

    def test_scores(self, *variants: str) -> list[TestScore]:
        """The metric that scores on the test set, of the winner and of the baseline.

        Where targets are class labels `test` tells more, of the same reading: see there for when
        the test set is read. Where they are numbers, `errors` of a score has RMSE, MAE and R2,
        whatever the models were compiled with.

        Args:
            *variants: Names; none for the winner and the baseline.

        Raises:
            DesignError: There is no test set, there is no such variant, it did not train to the
                end, or the study was opened without its data.

        Example:
            >>> winner, baseline = result.test_scores()
            >>> winner.metric, winner.score.mean > baseline.score.mean
            ('accuracy', True)
            >>> winner.less(baseline, 0.95).low > 0  # sample by sample
            True
        """
        self._check_test_set()
        return self._scores(self._tested_of([self._number(name) for name in variants]))

    def findings(self) -> list[Finding]:
        """What the rules say: of the whole study, then of each variant, by variant and code.

        Rules about the test set (KH203, KH205) are among them once `test` or `report` has read it;
        this reads nothing. What a store and exports hold follows from the study's record alone.

        Example:
            >>> for finding in result.findings():
            ...     if finding.code == "KH104":
            ...         print(finding.title, finding.variant, finding.verdict)
            undertrained units=1 inconclusive
            undertrained units=16 not found
        """
        tested = self._known_tested
        answers = [one.answers for one in self._held(tested)]
        scores = self._scores(tested)
        errors = errors_of(scores, self._conclusions.study.scale, self.settings)
        labels = [label_answers(one.variant, one.labels) for one in scores if one.labels]
        return self._conclusions.findings_with(answers, errors, labels)

    @property
    def _told(self) -> list[Tested]:
        """The results of winner and baseline: the test set is read for them, if there are data."""
        return self._known_tested if self._data is None else self._tested

    @property
    def _known_tested(self) -> list[Tested]:
        """The results of winner and baseline; none while the test set has not been read."""
        if "_tested" in vars(self):
            return self._tested
        try:
            if self._data is None:
                return self._kept(self._to_test) or []
            if not self._test_set.readings:
                return []
            candidates = self._candidates(self._to_test)
            return self._tested if self._test_set.has_read(candidates) else []
        except StoreError:  # What follows from the record needs no store.
            return []

    @cached_property
    def _tested(self) -> list[Tested]:
        return self._test_set.read(self._candidates(self._to_test)) if self._to_test else []

    @property
    def _to_test(self) -> list[int]:
        """The numbers of the winner and the baseline."""
        if self._conclusions.winner is None:
            return []
        # A baseline that never trained to the end has no model to test.
        numbers = dict.fromkeys([self._conclusions.winner, 0])
        return [n for n in numbers if len(self._conclusions.study.variants[n].sound)]

    def _tested_of(self, numbers: Sequence[int]) -> list[Tested]:
        """The results of these variants, or of winner and baseline.

        Raises:
            DesignError: The study was opened without its data, and they were not read before.
        """
        if self._data is not None:
            return self._test_set.read(self._candidates(numbers)) if numbers else self._tested
        self._check_sound(numbers)
        kept = self._kept(numbers or self._to_test)
        if kept is None:
            raise without_data()
        return kept

    def _kept(self, numbers: Sequence[int]) -> list[Tested] | None:
        """What was found of the members that would be tested; None if one was never read."""
        members = [
            tested
            for reading in self.readings()
            for tested in reading.members
            if tested.values is not None and tested.is_known(self.metric, len(tested.values))
        ]
        known = {(one.variant, one.replicate, one.epoch): one for one in members}
        found = [known.get(on_test.member(self._conclusions, number)) for number in numbers]
        return None if None in found else [one for one in found if one is not None]

    def _held(self, tested: Sequence[Tested]) -> list[HeldOut]:
        """How right they are; empty where they give no scores of classes."""
        is_winners = tested is vars(self).get("_tested")
        return self._test if is_winners else _held(tested, self.settings.confidence)

    @cached_property
    def _test(self) -> list[HeldOut]:
        """How right the winner and the baseline are."""
        return _held(self._tested, self.settings.confidence)

    def _scores(self, tested: Sequence[Tested]) -> list[TestScore]:
        return [test_score(one, self.settings.confidence) for one in tested]

    def _read_beside(self, number: int, other: Candidate) -> list[Tested]:
        """How a variant's member, and a model that is no member, do on the test set."""
        self._check_test_set()
        # Winner and baseline are read first, together, as ever: the other is a reading by itself.
        self._test_set.read(self._candidates(self._to_test))
        return self._test_set.read([*self._candidates([number]), other])

    def _check_test_set(self) -> None:
        if self._data is not None and not len(self._data.x_test):
            raise DesignError(
                "data with a test set", repr(self.data), "give a Dataset x_test and y_test"
            )

    def _candidates(self, numbers: Sequence[int]) -> list[Candidate]:
        self._check_sound(numbers)
        return [self._candidate_of(n) for n in numbers]

    def _check_sound(self, numbers: Sequence[int]) -> None:
        for number in numbers:
            if not len(self._conclusions.study.variants[number].sound):
                raise DesignError(
                    "variants of which a replicate trained to the end",
                    self.record.variant_names[number],
                    "test another one",
                )


def _held(tested: Sequence[Tested], confidence: float) -> list[HeldOut]:
    if not all(one.names for one in tested):
        return []
    return [score(one, confidence) for one in tested]


def without_data() -> DesignError:
    """The error of a result that was opened without the data of its study."""
    return DesignError(
        "the data of the study",
        "none, since it was opened without them",
        "open it with them, kohort.open(store, name, data)",
    )
