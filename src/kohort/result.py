"""The result of a study: what was measured, what follows from it, and the models."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pandas as pd

from kohort.data.dataset import Dataset
from kohort.design.variants import Variant
from kohort.engine.ray_settings import Executor, cluster_of
from kohort.errors import DesignError
from kohort.evidence.readings import KeptReadings
from kohort.evidence.record import StudyRecord
from kohort.findings.names import listing
from kohort.keras_api.cost import Cost, cost_of
from kohort.member import Ensemble, Member, Refit, Refits, candidate, ensemble_of, epochs_to_refit
from kohort.report.answers import score_table
from kohort.report.costs.shown_costs import shown_costs
from kohort.report.held_out import Candidate, HeldOut
from kohort.report.notebooks.member_view import which_member
from kohort.report.notebooks.result_view import ResultView
from kohort.report.study_page.interval_plot import shown_of
from kohort.report.tested.side_by_side import SideBySide, TestedModel
from kohort.report.tested.tested_view import without_data

if TYPE_CHECKING:
    from kohort.report.study_page.page import Page


class Result(ResultView):
    """What a study measured, and what follows from it.

    The score of a variant is the mean over replicates of its validation metric (the accuracy, or
    what the study names) at its best epoch. For each replicate that is the epoch of lowest mean
    validation loss of some of the others, so that no replicate is judged at an epoch that its luck
    chose.

    `Study.run` returns it, and `kohort.open` gives it again from a store.

    Example:
        >>> import kohort
        >>> result = kohort.open("kohort.db", "width", data)
        >>> result.winner
        'units=16'
        >>> result.table().index.to_list()  # best first; then what is no variant
        ['units=16', 'units=1', 'always class e']
    """

    def __init__(
        self,
        record: StudyRecord,
        variants: tuple[Variant, ...],
        data: Dataset | None,
        members: Mapping[tuple[int | str, int], Member],
        readings: KeptReadings | None = None,
        refits: Refits | None = None,
    ) -> None:
        super().__init__(record, data, readings, self._candidate)
        self.variants, self._members, self._refits = variants, members, refits
        self._refitted, self._costs = dict[int, Member](), dict[str, Cost]()

    @property
    def members(self) -> Mapping[tuple[int | str, int], Member]:
        """The trained members, by variant (its number in the study, or its name) and replicate.

        Of a study that was kept with `keep="winners"` those alone that it kept: others are refused.

        Raises:
            DesignError: As `data`.

        Example:
            >>> sorted(result.members)
            [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]
            >>> result.members["units=16", 2] is result.members[1, 2]
            True
            >>> result.members["units=16", 2]
            Member('units=16', replicate 2, epoch 2)
        """
        if self._data is None:
            raise without_data()
        return self._members

    def best(self, *, cheapest: bool = False) -> Member:
        """The winner: of the variant with the best score, the member of lowest validation loss.

        Args:
            cheapest: Take the variant of fewest parameters (then seconds) that is decided to be as
                good within the margin, if one is smaller than the winner.

        Raises:
            DesignError: No variant trained to the end, or the study was opened without its data.

        Example:
            >>> result.best().variant.name, result.best().epoch
            ('units=16', 2)
            >>> result.best(cheapest=True).variant.name  # one unit is not as good
            'units=16'
        """
        return self._best_member(self._conclusions.shipped(cheapest=cheapest))

    def refit(
        self,
        *,
        cheapest: bool = False,
        verbose: Literal["auto", 0, 1] = "auto",
        executor: Executor = "local",
    ) -> Member:
        """The winner once more, trained on all training samples, validation parts included.

        It trains for the median of the best epochs of the variant's replicates (the later of two
        in the middle), from new weights under a seed that no replicate has. Epochs, and not steps:
        each sample is seen as often as in a replicate, and with more samples there are more steps;
        a schedule that counts steps goes further by so much. `EarlyStopping` and `ModelCheckpoint`
        that monitor validation do not act, since the epochs are chosen.

        It has no validation score: it has seen all of these samples. That of its variant is the
        estimate, of models that had fewer samples. No test set is read; `test_refit` does that.

        It is stored with its study; another call loads it, and one that was stopped goes on.

        Args:
            cheapest: As in `best`.
            verbose: 0 is silent; anything else shows progress on stderr.
            executor: As in `Study.run`; wherever the study trained, "local" is this process.

        Returns:
            A member like others: `model()`, `deployable()`, `save(path)`.

        Raises:
            DesignError: As `best`; or it diverges, a callback needs validation data, there is no
                such executor or cluster, or the study was opened from a store, which has no refit
                of it and no build function.
            StoreError: The store cannot be read or written, or another process runs the study.
            Interrupted: It was asked to end, and what it had done is stored.

        Example:
            >>> refitted = result.refit(verbose=0)
            >>> refitted.variant.name, refitted.epoch
            ('units=16', 2)
            >>> len(refitted.replicate.train), len(refitted.replicate.valid)
            (240, 0)
            >>> refitted.save("refitted.keras").name
            'refitted.keras'
        """
        cluster = cluster_of(executor)
        number = self._conclusions.shipped(cheapest=cheapest)
        if number not in self._refitted:
            members = self._sound_members(number)
            if self._refits is None:
                raise DesignError(
                    "the result of Study.run, or of kohort.open",
                    "one that was put together by hand",
                    "run the study: study.run(store).refit()",
                )
            name, first = self.variants[number].name, self.members[number, 0]
            wanted = Refit(number, name, epochs_to_refit(members), first.fingerprint)
            self._refitted[number] = self._refits(wanted, cluster, visible=verbose != 0)
        return self._refitted[number]

    def test_refit(self, *, cheapest: bool = False) -> SideBySide:
        """How `refit` does on the test set beside the winner's single member, and what both cost.

        It is trained here where it has not been. The test set is read for it once, which is
        recorded as another reading. Both were chosen before: read it to know, not to choose.

        Args:
            cheapest: As in `best`.

        Raises:
            DesignError: As `refit`; or there is no test set.

        Example:
            >>> tested = result.test_refit()
            >>> tested.table().index.to_list()
            ['units=16 (replicate ...)', 'the refit of units=16']
            >>> [member.variant for member in result.readings()[-1].members]
            ['the refit of units=16']
        """
        refitted = self.refit(cheapest=cheapest, verbose=0)
        name = f"the refit of {refitted.variant.name}"
        samples = f"{len(refitted.replicate.train):,}"
        note = f"The refit trained on all {samples} training samples, so nothing validates it."
        return self._beside(refitted, name, note)

    def ensemble(
        self, variants: int | Sequence[str] | None = None, *, cheapest: bool = False
    ) -> Ensemble:
        """The winner's members as one model: the mean of their probabilities.

        Of models that give logits the probabilities are averaged, too: the loss tells (Keras's
        crossentropies with `from_logits`), or the last layer. Of a regression it is the mean of
        the predictions. Members that diverged are left out.

        It has no fair validation score: what validates one member has trained others or, where all
        have one split, has chosen their epochs. No test set is read; `Ensemble.test` does that.

        Args:
            variants: Average the best members of these variants, one of each, in the place of
                all members of the winner: names; or how many of the best of the table.
            cheapest: As in `best`.

        Raises:
            DesignError: As `best`; or there are fewer than two members, or no such variant.
            ModelError: Outputs cannot be averaged: of several outputs, of models that remember
                earlier batches, or where nothing tells probabilities from logits.

        Example:
            >>> result.ensemble().save("ensemble.keras").name
            'ensemble.keras'
            >>> result.ensemble(["units=1", "units=16"])
            Ensemble('the ensemble of units=1 and units=16')
        """
        if variants is None:
            number = self._conclusions.shipped(cheapest=cheapest)
            members = self._sound_members(number)
            name = f"the ensemble of {len(members)} members of {self.variants[number].name}"
        else:
            members = self._best_members(variants)
            name = f"the ensemble of {listing([member.variant.name for member in members])}"
        if len(members) < 2:
            raise DesignError(
                "two members or more that trained to the end, to average them",
                f"{len(members)}",
                "give the study more replicates, or name variants: result.ensemble(variants=3)",
            )
        return ensemble_of(members, name, self._beside_of, has_classes=self._labels is not None)

    def _best_members(self, variants: int | str | Sequence[str]) -> list[Member]:
        """The best member of each of these variants, or of so many of the best of the table."""
        if isinstance(variants, int):
            studied = self._conclusions.study.variants
            ranked = [self._number(str(name)) for name in score_table(self._conclusions).index]
            numbers = [number for number in ranked if len(studied[number].sound)]
            numbers = numbers[: max(variants, 0)]
        else:
            names = [variants] if isinstance(variants, str) else variants
            numbers = [self._number(name) for name in dict.fromkeys(names)]
            self._check_sound(numbers)
        return [self._best_member(number) for number in numbers]

    def _beside_of(self, ensemble: Ensemble) -> SideBySide:
        if ensemble.shares_validation:
            note = "Its members left out the same samples, by which their epochs were chosen."
        else:
            note = "What validates one of its members has trained others: no score there is fair."
        return self._beside(ensemble, ensemble.name, note)

    def _beside(self, model: Member | Ensemble, name: str, note: str) -> SideBySide:
        best = self.best()
        tested = self._read_beside(
            self._conclusions.shipped(cheapest=False), candidate(model, self.metric, name)
        )
        scores = self._scores(tested)
        held: list[HeldOut] | list[None] = self._held(tested) or [None, None]
        single = f"{best.variant.name} (replicate {best.replicate.number})"
        return SideBySide(
            TestedModel(single, scores[0], held[0], cost_of(best)),
            TestedModel(name, scores[1], held[1], cost_of(model)),
            self._conclusions.study.scale,
            self.settings.confidence,
            note,
        )

    def _sound_members(self, number: int) -> list[Member]:
        sound = self._conclusions.study.variants[number].sound
        return [self.members[number, int(replicate)] for replicate in sound]

    def costs(self) -> pd.DataFrame:
        """What the best member of each variant costs, measured on this machine, best score first.

        Columns as in `Cost`. Models are built, run and saved for it; later reports have all.

        Raises:
            DesignError: As `members`.

        Example:
            >>> result.costs().columns.to_list()
            ['parameters', 'milliseconds', 'file_megabytes']
        """
        self._costs = {name: cost_of(member) for name, member in self._kept_best().items()}
        return pd.DataFrame.from_dict(self._costs, "index", columns=Cost._fields).rename_axis(
            "variant"
        )

    def report(self, path: str | Path, *, command: str = "", raw: "Result | None" = None) -> Path:
        """Write the report, one HTML file that needs nothing else.

        What the best members of the variants shown first cost is measured for it, as far as that
        takes two seconds (`costs` measures all). Of a study that was opened without its data it
        tells of the test set what was read before, and no such costs.

        Args:
            path: The file to write; folders that are missing are made.
            command: The command that runs the study again, to be shown in the report.
            raw: Its result on the raw data that these were cleaned from: the report then says
                whether a verdict turns.

        Returns:
            The path.

        Raises:
            DesignError: As `turns`.
            OSError: The file cannot be written.

        Example:
            >>> result.report("report.html").name
            'report.html'
        """
        from kohort.report.study_page.page import write_page

        turns = None if raw is None else self._turns_shown(raw)
        return write_page(Path(path), replace(self._page(command), turns=turns))

    def _candidate(self, variant: int) -> Candidate:
        return candidate(self._best_member(variant), self.metric)

    def _best_member(self, number: int) -> Member:
        return self.members[number, self._conclusions.best_replicate(number)]

    def _page(self, command: str) -> "Page":
        from kohort.report.study_page.page import Page

        tests = self._held(tested := self._told)
        has_models = self._data is not None and self.winner is not None
        best = self._kept_best() if has_models else {}
        return Page(
            conclusions=self._conclusions,
            data=self._data,
            tests=tests,
            test_scores=self._scores(tested),
            paired=self.test_difference() if len(tests) > 1 else None,
            findings=self.findings(),
            readings=self.readings(),
            shipped=which_member(self.best()) if has_models else "",
            command=command,
            pending=self.pending,
            costs=shown_costs(best, shown_of(len(self.record.variants)), self._costs),
        )

    def _kept_best(self) -> dict[str, Member]:
        """The best member of each variant that has one which is kept, best score first."""
        known, kept = self._conclusions, self.members
        sound = [n for n in known.ranking if len(known.study.variants[n].sound)]
        best = [(n, known.best_replicate(n)) for n in sound]
        return {kept[place].variant.name: kept[place] for place in best if place in kept}
