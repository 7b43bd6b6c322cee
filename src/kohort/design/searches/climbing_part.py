"""Who of the trials that were drawn together climbs which rung, and who leaves."""

from collections.abc import Collection, Mapping, Sequence

from kohort.design.searches.rungs import Ladder, sound_first

MOST_DRAWN = 3
"""How many trials are drawn for each that is wanted, where others cannot be built or trained."""


def missing(size: int, drawn: Collection[object], sound: Collection[int]) -> int:
    """How many trials a part still draws; none where all that it drew so far fail.

    Args:
        size: The trials that it is to have.
        drawn: Those that it has drawn.
        sound: Those of them that can be built and trained.
    """
    if drawn and not sound:
        return 0
    return min(size - len(sound), MOST_DRAWN * size - len(drawn))


class ClimbingPart:
    """The trials of a part, on their way up the rungs.

    Args:
        ladder: The rungs.
        sound: The numbers of the trials that can be built and trained, as they were drawn.
    """

    def __init__(self, ladder: Ladder, sound: Sequence[int]) -> None:
        self._ladder = ladder
        counts = ladder.begin_with(len(sound))
        ends = [sum(counts[: bracket + 1]) for bracket in range(len(counts))]
        self.alive = [
            list(sound[end - count : end]) for end, count in zip(ends, counts, strict=True)
        ]
        """By bracket, those that have not left."""
        self.brackets = {n: bracket for bracket, of_it in enumerate(self.alive) for n in of_it}
        """The bracket in which each begins."""

    def climbing(self, rung: int) -> list[int]:
        """Those that climb a rung, or stand there once it is decided."""
        return [number for bracket in self.alive[: rung + 1] for number in bracket]

    def decide(
        self,
        rung: int,
        scores: Mapping[int, float],
        losses: Mapping[int, float],
        *,
        higher_is_better: bool,
    ) -> list[int]:
        """End those that fall behind, and return them: of each bracket the best go on.

        Args:
            rung: The rung, from 0.
            scores: After it; NaN of those that diverged.
            losses: By which equal scores are told apart.
            higher_is_better: Whether a higher score is the better one.
        """
        before = self.climbing(rung)
        is_last = rung + 1 == len(self._ladder.epochs)
        for bracket, numbers in enumerate(self.alive[: rung + 1]):
            order = sound_first(
                [scores[number] for number in numbers],
                [losses[number] for number in numbers],
                higher_is_better=higher_is_better,
            )
            kept = order if is_last else order[: self._ladder.kept(len(numbers))]
            self.alive[bracket] = [numbers[place] for place in kept]
        stay = set(self.climbing(rung))
        return [number for number in before if number not in stay]
