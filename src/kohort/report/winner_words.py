"""Writes who wins, and against whom, in sentences."""

from collections.abc import Collection, Sequence

from kohort.findings.names import MOST_NAMES, capital, listing, shortlist
from kohort.findings.statistics.comparison import Comparison
from kohort.findings.statistics.interval import Interval
from kohort.findings.statistics.scale import Scale
from kohort.report import words


def answer(
    winner: str,
    score: Interval,
    scale: Scale,
    against_all: Sequence[Comparison],
    against_baseline: Sequence[Comparison],
    diverged: Sequence[tuple[str, int, int]] = (),
    does: str = "does best on validation data",
    baseline: str = "the baseline",
    passed: Collection[str] = (),
) -> str:
    """The answer in a few sentences: the winner, its score, and the variants as good as it.

    Args:
        winner: The name of the winner.
        score: Its score.
        scale: The scale of the metric that scores.
        against_all: The winner (`b`) against every other variant (`a`).
        against_baseline: Every other variant (`b`) against the baseline (`a`).
        diverged: Names of variants with replicates that diverged, how many did, and of how many.
        does: What the winner does.
        baseline: What the baseline is called.
        passed: Names of variants that scored better than the winner where both trained to the end,
            and were not chosen since they lost replicates.
    """
    sentences = [scores(winner, does, score, scale)]
    step = next((c for c in against_baseline if c.b == winner), None)
    if step is not None and not step.difference.n:
        sentences.append(f"{capital(baseline)}, {step.a}, did not train to the end.")
    elif step is not None:
        sentences.append(
            f"It {_standing(step, scale)} {baseline}, {step.a}: {_difference_text(step, scale)}."
        )
    # A variant that never trained to the end has no score to compare with.
    others = [c for c in against_all if c.difference.n and (step is None or c.a != step.a)]
    if step is not None and step.a in passed and not step.is_equivalent:
        others.append(step)  # why it is not the winner, which the difference does not say
    sentences += _of_others(winner, others, scale, passed)
    if diverged:
        sentences.append(divergence(diverged))
    return " ".join(sentences)


def scores(name: str, does: str, score: Interval, scale: Scale) -> str:
    """What a variant does, and its score, in a sentence."""
    lower = "" if scale.higher_is_better else ", lower is better"
    return f"{name} {does}: {scale.title} {scale.score(score)}{lower}."


def whom_it_beats(
    winner: str, others: Sequence[Comparison], scale: Scale, passed: Collection[str] = ()
) -> str:
    """Whether the winner (`b`) is better than all others (`a`), or else from whom it is not told.

    More than a few are counted, not named.

    Args:
        winner: Its name.
        others: The winner against each other variant that has a score.
        scale: The scale of the metric that scores.
        passed: As in `answer`.
    """
    if not others:
        return ""
    alike = [c.a for c in others if c.is_equivalent]
    kinds = [(_kind(c, winner, passed), c.a) for c in others if not c.is_equivalent]
    texts = []
    if alike:
        verb = "is" if len(alike) == 1 else "are"
        margin = scale.amount(others[0].margin)
        texts.append(f"{few_or_count(alike)} {verb} as good within {margin}.")
    if untold := [name for kind, name in kinds if kind == "undecided"]:
        texts.append(f"These replicates cannot tell it from {few_or_count(untold)}.")
    for which in ("luckier", "passed", "shared"):
        names = [name for kind, name in kinds if kind == which]
        texts += [_better(which, few_or_count(names), len(names), winner)] * bool(names)
    if texts:
        return " ".join(texts)
    return f"It is better than {others[0].a if len(others) == 1 else f'all {len(others)} others'}."


def few_or_count(names: Sequence[str]) -> str:
    """Names where they are few enough to read at a glance; else how many they are."""
    return listing(names) if len(names) <= MOST_NAMES else f"{len(names)} variants"


def _of_others(
    winner: str, others: Sequence[Comparison], scale: Scale, passed: Collection[str]
) -> list[str]:
    """How the winner (`b`) stands to the others (`a`), a sentence for each kind of verdict."""
    kinds: dict[str, list[str]] = {}
    for c in sorted(others, key=lambda c: abs(c.difference.mean)):  # the closest are named
        kind = _kind(c, winner, passed)
        by_little = c.is_equivalent and kind in {"worse", "undecided"}
        kinds.setdefault(f"{kind}{words.LITTLE * by_little}", []).append(c.a)
    margin = scale.amount(others[0].margin) if others else ""
    undecided = kinds.get("undecided", ())
    alone = [c.a for c in others if c.excludes_zero and c.a in undecided]
    whom = f" tell it from {shortlist(alone)}" * (len(alone) < len(undecided))
    but = f"; without correction for all that is compared they could{whom}" * bool(alone)
    texts = {
        "worse": "It is better than {}.",
        f"worse{words.LITTLE}": f"It is better{words.LITTLE} than {{}}.",
        f"undecided{words.LITTLE}": (
            "Between it and {} there is no difference of practical interest "
            f"(less than {margin})."
        ),
        "undecided": "These replicates cannot tell it from {}{}.",
    }
    told = [texts[kind].format(shortlist(kinds[kind]), but) for kind in texts if kind in kinds]
    better = [kind for kind in ("luckier", "passed", "shared") if kind in kinds]
    return told + [_better(k, shortlist(kinds[k]), len(kinds[k]), winner) for k in better]


def _kind(c: Comparison, winner: str, passed: Collection[str]) -> str:
    """How the winner (`b`) stands to another (`a`), by what is decided, and who lost replicates."""
    if c.better == winner:
        return "worse"
    if c.is_decided:
        return "luckier" if c.a in passed else "shared"
    return "passed" if c.a in passed and not c.is_equivalent else "undecided"


def _better(kind: str, names: str, count: int, winner: str) -> str:
    """That some scored better than the winner, and why they are not it, in a sentence."""
    if kind == "shared":  # each variant lost replicates: the means are over those of its own
        return (
            f"{names} scored better in the replicates that both have, but not in the mean over all "
            "that each has."
        )
    was, it, has, them = (
        ("was", "it", "has", "it") if count == 1 else ("were", "they", "have", "them")
    )
    but = f"; these replicates do not decide between {them} and {winner}" * (kind == "passed")
    return (
        f"{names} scored better where training came to its end, and {was} not chosen since {it} "
        f"diverged, or {has} no score, in some replicates{but}."
    )


def cheaper(name: str, ratio: float, margin: float, scale: Scale) -> str:
    """That a smaller variant is as good as the winner, in a sentence.

    Args:
        name: Its name.
        ratio: The winner's parameters over its parameters.
        margin: The margin of equivalence.
        scale: The scale of the metric that scores.
    """
    smaller = f"{ratio:.2g} times" if ratio >= 1.1 else f"{100 * (1 - 1 / ratio):.2g} %"
    if ratio >= 100:
        smaller = f"{ratio:,.0f} times"
    return f"{name} is as good within {scale.amount(margin)} and {smaller} smaller."


def no_winner(diverged: Sequence[tuple[str, int, int]]) -> str:
    """The answer if no variant has a score.

    Args:
        diverged: As in `answer`.
    """
    sentences = ["No variant trained to the end, so there is no winner."]
    return " ".join(sentences + [divergence(diverged)] * bool(diverged))


def divergence(diverged: Sequence[tuple[str, int, int]]) -> str:
    """Which variants diverged, in a sentence.

    Args:
        diverged: Their names, in how many replicates each diverged, and of how many.
    """
    everywhere = [name for name, bad, of in diverged if bad == of]
    some = [
        f"{name} diverged in {bad} of {of} replicates" for name, bad, of in diverged if bad < of
    ]
    parts = [f"{shortlist(everywhere)} diverged in all replicates"] * bool(everywhere)
    if more := some[MOST_NAMES:]:
        some = [*some[:MOST_NAMES], f"and {len(more)} more of them in some replicates"]
    return f"{'; '.join(parts + some)}."


def _standing(step: Comparison, scale: Scale) -> str:
    if step.better == step.b:
        return f"is better{words.LITTLE * step.is_equivalent} than"
    if step.better == step.a:  # it was not chosen, since it diverged in some replicates
        return "is worse than"
    if step.is_equivalent:
        return f"differs by less than {scale.amount(step.margin)} from"
    if not step.excludes_zero:
        return "cannot be told from"
    rises = step.difference.mean > 0
    return "seems better than" if rises == step.higher_is_better else "seems worse than"


def _difference_text(comparison: Comparison, scale: Scale) -> str:
    """A difference as text; if it is decided, with the number of errors that it means."""
    text = words.shown_difference(comparison, scale)
    if not comparison.is_conclusive and comparison.excludes_zero:
        return f"{text}, but not after correction for all that is compared"
    if not (scale.counts_samples and comparison.is_decided):
        return text
    errors = round(comparison.errors_per_thousand)
    more = "fewer" if errors >= 0 else "more"
    noun = "error" if abs(errors) == 1 else "errors"
    return f"{text}, {abs(errors)} {more} {noun} in 1,000"
