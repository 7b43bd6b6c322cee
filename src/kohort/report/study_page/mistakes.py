"""What the winner gets wrong on the test set, and how far its probabilities can be believed."""

from collections.abc import Sequence
from typing import Any

from kohort.data.dataset import Dataset
from kohort.report.checks.confusion_rows import confused_pairs, confusion_rows
from kohort.report.held_out import HeldOut
from kohort.report.study_page.probability_plots import (
    areas_text,
    calibration_text,
    precision_svg,
    rarer_class,
    reliability_points,
    reliability_svg,
    roc_svg,
    threshold_points,
)
from kohort.report.templates.rendering import png_url
from kohort.report.tested.side_by_side import no_probabilities

SHOWN_MISTAKES = 30


def mistakes_part(tests: Sequence[HeldOut], data: Dataset | None) -> dict[str, Any]:
    """What the part of the winner's mistakes shows, by the names of its template.

    Args:
        tests: Results of the winner, then of the baseline; none where they give no classes.
        data: The data of the study; None where the report does without them.
    """
    points, rarer = threshold_points(tests), rarer_class(tests)
    ranked = tests[0].answers.names[rarer] if tests else ""
    sure = [test for test in tests if test.has_probabilities]
    margins = [test.variant for test in tests if not test.has_probabilities]
    confused = (tests[0].confusion, tests[0].answers.names) if tests else None
    return {
        "confusion": confusion_rows(*confused) if confused else [],
        "pairs": confused_pairs(*confused) if confused else [],
        "mistakes": _surest(tests, data),
        "reliability": reliability_svg(reliability_points(sure)) if sure else "",
        "calibrations": [calibration_text(test) for test in sure]
        + ([no_probabilities(margins)] if margins else []),
        "has_margins": bool(margins),
        "roc": roc_svg(points, tests[0].answers.names if tests else ()),
        "areas": areas_text(tests),
        "precision": precision_svg(points if rarer else threshold_points(tests, rarer), ranked),
        "ranked": ranked,
    }


def _surest(tests: Sequence[HeldOut], data: Dataset | None) -> list[dict[str, str]]:
    """The winner's mistakes with the highest probability as pictures, if samples are images."""
    if not tests or data is None or not data.stores_pixels:
        return []
    if len(data.input_shape) != 2 and data.input_shape[2:] != (3,):
        return []
    names = tests[0].answers.names
    return [
        {
            "image": png_url(data.x_test[mistake.sample]),
            "truth": names[mistake.truth],
            "predicted": names[mistake.predicted],
            "probability": f"{100 * mistake.probability:.0f} %" * tests[0].has_probabilities,
        }
        for mistake in tests[0].mistakes[:SHOWN_MISTAKES]
    ]
