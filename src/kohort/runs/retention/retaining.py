"""Which weights and checkpoints a study keeps when it has ended: `keep` of `Study.run`."""

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Literal

from kohort.errors import DesignError, check_choice
from kohort.evidence.store import MemberKey
from kohort.findings.conclusions import Conclusions

if TYPE_CHECKING:
    from kohort.evidence.store import KeptStudy

type Keep = Literal["winners", "final", "all"]

KEEPS: tuple[Keep, ...] = ("winners", "final", "all")
DEFAULT: Keep = "final"
"""What a study keeps that was never told: as much as its models weigh, and no more."""

KEEP = "keep"
"""The entry of a study's description that tells what it keeps."""


def check_keep(keep: Keep | None, store: object) -> None:
    """Refuse what is no way to keep a study, and one without a store, which nothing would follow.

    Raises:
        DesignError: It is.
    """
    if keep is None:
        return
    check_choice("keep", keep, KEEPS)
    if store is None:
        raise DesignError(
            f"a store beside keep={keep!r}, which says what stays in it",
            "no store, in which nothing is kept",
            'name one: run("kohort.db", ...), or leave keep out',
        )


def kept_way(asked: Keep | None, description: Mapping[str, object] | None) -> Keep:
    """How a study is kept: as is asked now, else as it was before, else the default."""
    before = None if description is None else description.get(KEEP)
    found = asked or before or DEFAULT
    return next(keep for keep in KEEPS if keep == found)


def wanted(conclusions: Conclusions) -> set[tuple[int, int]]:
    """The members that "winners" keeps, by the numbers of their variant and replicate.

    All members of the winner and of the cheapest variant that is as good: `Result.best`, `refit`
    and `ensemble` need them. And the best one of the baseline, for which the test set is read.
    """
    study, winner = conclusions.study, conclusions.winner
    if winner is None:
        return set()
    found = {
        (number, replicate)
        for number in (winner, conclusions.cheapest)
        if number is not None
        for replicate in range(len(study.variants[number].lengths))
        if study.variants[number].lengths[replicate]
    }
    if len(study.variants[0].sound):
        found.add((0, conclusions.best_replicate(0)))
    return found


def trained_again(members: int) -> str:
    """That members train again whose weights an earlier run dropped, in words."""
    one = "1 member is" if members == 1 else f"{members:,} members are"
    return f"{one} trained again, for weights that were dropped when the study had ended"


def prune(
    kept: "KeptStudy", keep: Keep, wants: Collection[MemberKey], ended: Iterable[str]
) -> None:
    """Drop what a study that has ended does not keep.

    Rows first, then files: killed in between, it leaves files that no row names, and the next claim
    removes them. Refits stay, and so do members that have not finished.

    Args:
        kept: The study; claimed.
        keep: How it is kept.
        wants: The members whose weights "winners" keeps.
        ended: Names of the checkpoints of blocks whose members have all finished.

    Raises:
        StoreError: It cannot be written.
    """
    if keep == "all":
        return
    kept.drop_checkpoint(*ended)
    gone = [
        record.key
        for record in kept.members()
        if record.finished and record.weights and not record.key.is_refit
        if record.key.share < 1 or (keep == "winners" and record.key not in wants)
    ]
    if gone:
        kept.drop_weights(gone)
