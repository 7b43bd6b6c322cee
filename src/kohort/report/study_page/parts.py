"""The parts of a report below its opening, each folded under its title."""

from collections.abc import Sequence
from dataclasses import dataclass

from kohort.errors import count
from kohort.evidence.settings import metric_name
from kohort.findings.conclusions import Conclusions
from kohort.findings.finding import Finding
from kohort.findings.names import shortlist
from kohort.report.held_out import HeldOut
from kohort.report.tested_scores import TestScore


@dataclass(frozen=True)
class Part:
    """One part.

    Args:
        name: Its id on the page, and the name of its template.
        title: Its title.
        gist: What it has, in a few words.
    """

    name: str
    title: str
    gist: str

    @property
    def template(self) -> str:
        """The template that writes it."""
        return f"study/{self.name}.html.j2"


def parts(
    conclusions: Conclusions,
    findings: Sequence[Finding],
    tests: Sequence[HeldOut],
    scores: Sequence[TestScore],
    *,
    is_search: bool,
    is_cleaned: bool,
    has_axes: bool,
) -> list[Part]:
    """The parts that a report has, in their order.

    Args:
        conclusions: Of the study.
        findings: All findings.
        tests: Results on the test set of the winner, then of the baseline; none without classes.
        scores: Their scores there by the metric of the study.
        is_search: Whether finalists of a search raced.
        is_cleaned: Whether a study of raw data stands beside it.
        has_axes: Whether variants differ along axes.
    """
    record, winner = conclusions.record, conclusions.winner_name
    variants = count(len(record.variants), "variant")
    compared = sum(len(family) for family in conclusions.comparisons.values())
    told = [
        Part("answer", "The answer in full", "who it is better than, and the test set"),
        Part("table", "The variants", f"{variants} by {metric_name(record.settings.metric)}"),
    ]
    told += [Part("search", "The search", "finalists, rungs, arguments, trials")] * is_search
    race = Part("race", "The race", "who left when, and why")
    told += [race] * (conclusions.race is not None)
    told += [Part("turns", "Raw and clean data", "whether a verdict turns")] * is_cleaned
    told.append(Part("findings", "Findings and curves", _what_was_found(findings)))
    told += [Part("axes", "What each axis does", "effects of the arguments")] * has_axes
    told.append(Part("comparisons", "Comparisons", f"{compared} paired differences"))
    if winner is not None:
        steps = conclusions.next_steps
        gist = "; ".join(f"{step.step}: {step.verdict}" for step in steps)
        told.append(Part("next", f"What would help {winner} next", gist))
    if tests:
        wrong = f"{len(tests[0].mistakes):,} of {count(tests[0].accuracy.n, 'test sample')}"
        told.append(Part("mistakes", f"What {winner} gets wrong", wrong))
    if scores and scores[0].labels:
        gist = f"how often each of {count(len(scores[0].labels), 'label')} is found"
        told.append(Part("labels", "Label by label", gist))
    if any(score.predictions is not None for score in scores):
        told.append(Part("residuals", f"How far {winner} is off", "errors on the test set"))
    told.append(Part("run", "How it was run", "data, seeds, versions, the command"))
    told.append(Part("limits", "What this report does not know", "read before you rely on it"))
    return told


def _what_was_found(findings: Sequence[Finding]) -> str:
    """What was found, by its name: a number alone would seem to contradict the opening."""
    found = list(dict.fromkeys(f.title for f in findings if f.verdict == "found"))
    told = f"found: {shortlist(found)}" if found else "nothing found"
    return f"{told}; {sum(f.verdict == 'inconclusive' for f in findings)} inconclusive"
