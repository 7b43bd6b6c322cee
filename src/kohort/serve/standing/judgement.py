"""What the live page says of scores and findings: so far, or as they were when a study ended."""

from collections.abc import Mapping, Sequence, Set
from typing import Any

from kohort.errors import StoreError
from kohort.evidence.outset import OUTSET
from kohort.evidence.settings import metric_name
from kohort.evidence.store import KeptStudy
from kohort.findings.finding import Finding
from kohort.report.answers import score_table
from kohort.report.class_words import reference_row
from kohort.report.study_page.interval_plot import standings
from kohort.runs.loading import open as open_result
from kohort.serve.live_curves import LiveCurves, rounded
from kohort.serve.standing.search_standings import search_standings
from kohort.serve.standing.so_far import VariantSoFar, so_far, standing

MOST_FINDINGS = 200
"""The most findings that are told one by one."""


def judgement(
    place: str,
    kept: KeptStudy,
    description: Mapping[str, Any],
    measured: LiveCurves | None,
    names: Sequence[str],
    finished: Set[tuple[int, int]],
    planned: Mapping[int, int],
) -> dict[str, Any]:
    """Scores and findings, as JSON.

    Args:
        place: Of the store.
        kept: The study.
        description: Its description.
        measured: What was measured; None where nothing was.
        names: Of the variants, by number.
        finished: As in `so_far`.
        planned: As in `so_far`.
    """
    if description.get("kind") == "search":
        return search_standings(kept, names)
    is_final = "result" in description
    known = description.get("result") or description.get(OUTSET)
    told: dict[str, Any] = {"final": is_final, "proportion": False, "answer": "", "standings": []}
    told["metric"] = metric_name(measured.metrics[-1]) if measured else ""
    findings: list[dict[str, Any]] = []
    if known is not None:
        told["proportion"] = known["settings"]["is_proportion"]
        told["confidence"] = known["settings"]["confidence"]
    if is_final:
        told |= _ended(place, kept.name, names)
        findings = [
            _finding(f.code, f.variant, f.verdict, f.sentence, f.advice) for f in kept.findings()
        ]
    elif known is not None and measured is not None:
        stands = so_far(known, measured, names, finished, planned)
        told["standings"] = _told(stands.standings, names)
        findings = [_of(finding) for finding in stands.findings]
    shown = [finding for finding in findings if finding["verdict"] == "found"]
    told["findings"] = shown[:MOST_FINDINGS]
    told["more"] = max(0, len(shown) - MOST_FINDINGS)
    told["undecided"] = sum(finding["verdict"] == "inconclusive" for finding in findings)
    return told


def _ended(place: str, name: str, names: Sequence[str]) -> dict[str, Any]:
    """What is known of a study that was run to its end, as its report tells it.

    Args:
        place: Of the store.
        name: Of the study.
        names: Of the variants, by number.

    Returns:
        Its answer in a few sentences; its standings, in the order of its table; its verdicts, by
        the number of a variant how it stands to the best and what the findings say of it; and the
        reference, one answer for all samples with its score and interval, or None.
    """
    try:
        result = open_result(place, name)
    except StoreError as error:
        return {"answer": str(error), "verdicts": [], "reference": None}
    conclusions = result.conclusions
    stands = {} if conclusions.winner is None else standings(conclusions)
    verdicts = [
        [names.index(str(variant)), stands.get(str(variant), ""), verdict]
        for variant, verdict in score_table(conclusions)["verdict"].items()
    ]
    row, score = reference_row(conclusions), f"val_{conclusions.record.settings.metric}"
    reference = None
    if row is not None:
        numbers = [rounded(row[column]) for column in (score, "low", "high")]
        reference = [row["variant"], *numbers, row["verdict"]]
    ranked = [standing(conclusions, number) for number in conclusions.ranking]
    return {
        "answer": result.answer(), "standings": _told(ranked, names), "verdicts": verdicts,
        "reference": reference,
    }  # fmt: skip


def _told(stands: Sequence[VariantSoFar], names: Sequence[str]) -> list[list[Any]]:
    return [[names.index(s.variant), s.replicates, s.score, s.low, s.high] for s in stands]


def _of(finding: Finding) -> dict[str, Any]:
    return _finding(
        finding.code, finding.variant, finding.verdict, finding.sentence, finding.advice
    )


def _finding(
    code: str, variant: str | None, verdict: str, sentence: str, advice: str
) -> dict[str, Any]:
    return {
        "code": code, "variant": variant, "verdict": verdict, "told": sentence, "advice": advice,
    }  # fmt: skip
