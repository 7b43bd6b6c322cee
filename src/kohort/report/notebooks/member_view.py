"""Members as Python and notebooks show them."""

from kohort.data.dataset import Dataset
from kohort.design.replicates import Replicate
from kohort.design.variants import Variant
from kohort.report.notebooks.shown import facts_html


class MemberView:
    """What a member shows of itself; no model is built for it."""

    variant: Variant
    replicate: Replicate
    data: Dataset
    epoch: int

    def __repr__(self) -> str:
        return f"Member({self.variant.name!r}, {self._of_what}, epoch {self.epoch})"

    def _repr_html_(self) -> str:
        train, valid = len(self.replicate.train), len(self.replicate.valid)
        return facts_html(
            {
                "variant": self.variant.name,
                "trained": f"{self._of_what}: {train:,} samples train, {valid:,} validate",
                "epoch": f"{self.epoch}, whose weights it has",
                "data": repr(self.data),
                "its model": "model() is it; save(path) writes it to a .keras file",
            }
        )

    @property
    def _of_what(self) -> str:
        is_refit = not len(self.replicate.valid)
        return "on all training samples" if is_refit else f"replicate {self.replicate.number}"


def which_member(member: MemberView) -> str:
    """Which of a study's members it is, in words."""
    return (
        f"{member.variant.name}, replicate {member.replicate.number}, with the weights of its "
        f"epoch of lowest validation loss, {member.epoch}"
    )
