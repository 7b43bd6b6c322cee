"""Which studies are one study on raw and on clean data; others are refused."""

from typing import NamedTuple

from kohort.errors import DesignError


class Side(NamedTuple):
    """A study, as far as it is asked whether it can be one of the two.

    Args:
        told: Its data, in a few words.
        data: Their fingerprint.
        raw_data: The fingerprint of what they were cleaned from; "" where they were not.
        is_race: Whether its replicates come in looks.
    """

    told: str
    data: str
    raw_data: str
    is_race: bool


def check_pair(raw: Side, clean: Side) -> None:
    """Refuse what cannot be compared as raw and clean data.

    Raises:
        DesignError: The data of one were not cleaned from those of the other, or it is a race.
    """
    if not raw.data or clean.raw_data != raw.data:
        raise DesignError(
            f"what kohort data clean made of {raw.told}",
            f"{clean.told}, which is other data",
            "clean the data, read with the same options as here: kohort data clean",
        )
    if raw.is_race or clean.is_race:
        raise DesignError(
            "a study whose variants train all replicates, to compare raw and clean data",
            "a race, which compares them on other replicates",
            "give it a Holdout or a KFold, and leave --until-decided out",
        )
