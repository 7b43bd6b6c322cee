"""Copies that cross the sides of a study's splits, and what is known of groups."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Overlap:
    """Test and validation samples that have a copy among the training samples of their model.

    Args:
        test: Test samples with a copy in the training data, exact or near.
        test_exact: Those of them whose copy is equal in every number.
        test_samples: All test samples.
        valid: `[replicate]`, validation samples with a copy in the replicate's training part.
        valid_exact: `[replicate]`, those of them whose copy is equal in every number.
        valid_samples: `[replicate]`, all its validation samples.
        near_sought: Whether near copies were searched, or only exact ones.
        has_groups: Whether the data say what belongs together; None where that was not kept.
        copied: Percent of the training samples that have a copy outside their group; without
            groups, that have one at all.
        group_columns: The columns that look as if they numbered groups, in words.
        by_chance: Whether exact copies may be chance, as in tables of few different numbers.
        test_across: Test samples of a group that trains too; None where the groups of test samples
            are not known, or this was not kept.
        groups_of: What the groups were made of, where nobody said what belongs together; else "".
    """

    test: int
    test_exact: int
    test_samples: int
    valid: np.ndarray
    valid_exact: np.ndarray
    valid_samples: np.ndarray
    near_sought: bool = True
    has_groups: bool | None = None
    copied: float = 0.0
    group_columns: str = ""
    by_chance: bool = False
    groups_of: str = ""
    test_across: int | None = None
