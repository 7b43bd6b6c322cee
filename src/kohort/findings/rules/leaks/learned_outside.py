"""KH206: a preprocessing layer has learned from rows that its model is judged on."""

from collections.abc import Sequence

from kohort.data.inspection.learned import CLOSE, DIGITS, LearnedLayer
from kohort.findings.finding import Evidence, Finding, Rule
from kohort.findings.judged import StudyCurves
from kohort.findings.names import capital, shortlist
from kohort.findings.statistics.interval import Interval

AGREEMENT = 0.9
"""The part of a layer's telling numbers that must be those of some rows."""
FEWEST = 2
"""One number alone may agree by chance."""


def judge(study: StudyCurves) -> Finding:
    """Whether a layer's numbers are those of all training rows, or of all rows."""
    if study.learned is None:
        return RULE.finding(None, "not applicable", "Nobody looked at what models have learned.")
    if not study.learned:
        return RULE.finding(
            None, "not applicable", "No model has a layer that learned from data before training."
        )
    leaking = [layer for layer in study.learned if source(layer) in ("train", "all")]
    if leaking:
        return RULE.finding(None, "found", _told(leaking), _evidence(leaking), ADVICE)
    adapted = [layer for layer in study.learned if not layer.given]
    unknown = [layer for layer in adapted if source(layer) == "unknown"]
    if unknown:
        sentence = (
            f"The rows that {_of(unknown)} learned from are not known: its numbers are neither "
            "those of the training part nor those of all rows."
        )
        return RULE.finding(None, "inconclusive", sentence, _evidence(unknown), UNKNOWN)
    if not adapted:
        return RULE.finding(
            None,
            "not found",
            f"The constants of {_of(study.learned)} are not those of all rows.",
            _evidence(study.learned),
        )
    told = [layer for layer in adapted if source(layer) == "part"]
    if told:
        sentence = f"{_of(told, capital=True)} learned from the training part alone."
        return RULE.finding(None, "not found", sentence, _evidence(told))
    sentence = (
        f"The rows that {_of(adapted)} learned from cannot be told: none of its numbers is known "
        "to differ between the training part and all training rows."
    )
    return RULE.finding(None, "not found", sentence, _evidence(adapted))


def source(layer: LearnedLayer) -> str:
    """From which rows it learned: "part", "train", "all", "unknown"; "silent" where none tell."""
    if layer.told < FEWEST:
        return "silent"
    counts = {"part": layer.like_part, "train": layer.like_train, "all": layer.like_all}
    name = max(counts, key=lambda name: counts[name])
    return name if counts[name] >= AGREEMENT * layer.told else "unknown"


def _told(leaking: Sequence[LearnedLayer]) -> str:
    first = _clearest(leaking)
    with_test = source(first) == "all"
    rows = "all training and test rows" if with_test else "all training rows"
    like = max(first.like_train, first.like_all)
    return (
        f"{_of(leaking, capital=True)} learned from {rows}, not from the training part alone: "
        f"{like:,} of {first.told:,} numbers of layer {first.layer!r} that could differ are those "
        f"of {rows}, and {first.like_part:,} those of the training part. So each model has seen "
        f"something of its validation {'and test ' * with_test}samples."
    )


def _of(layers: Sequence[LearnedLayer], *, capital: bool = False) -> str:
    names = shortlist(list(dict.fromkeys(layer.variant for layer in layers)))
    return f"{'The' if capital else 'the'} preprocessing of {names}"


def _evidence(layers: Sequence[LearnedLayer]) -> Evidence:
    """The numbers of the layer that is told of."""
    layer = _clearest(layers)
    evidence: dict[str, float | Interval] = {
        "numbers of the layer that could tell": layer.told,
        "of them those of the training part": layer.like_part,
        "of them those of all training rows": layer.like_train,
        "of them those of all training and test rows": layer.like_all,
    }
    if layer.told:
        evidence |= {
            "distance from the training part": layer.from_part,
            "distance from all training rows": layer.from_train,
        }
    return evidence


def _clearest(layers: Sequence[LearnedLayer]) -> LearnedLayer:
    """A layer that learned from test rows too, where there is one; of these the most telling."""
    return max(layers, key=lambda layer: (source(layer) == "all", layer.told))


_LET = (
    "let the build function take `data`, and adapt the layer on `data.x`: a study gives it the "
    "training part of its replicate. A `build(hp)` of a search is given none: give the search a "
    "space, and a build function of its arguments and `data`."
)
ADVICE = capital(_LET)
UNKNOWN = f"Where the rows are other data, that is sound. Where they are a part of these, {_LET}"

RULE = Rule(
    "KH206",
    "preprocessing saw validation",
    "In the first replicate, what the `Normalization` and `Discretization` layers of each model "
    "have learned is compared with what a new layer learns from the rows of the training part, "
    "from all training rows, and from all training and test rows; as the layer sees them, behind "
    "the layers before it. A number tells something where those of the training part and of all "
    "training rows differ by more than rounding; it is that of some rows where it is as near as "
    f"{100 * CLOSE:g} % of this difference, or as rounding. It is found where "
    f"{100 * AGREEMENT:g} % or more of the telling numbers, {FEWEST} at least, are those of all "
    "training rows or of all rows. Means and variances that were given as arguments are looked at "
    f"too, but for those of at most {DIGITS} digits, as people write them. It is inconclusive "
    "where an adapted layer's numbers are those of neither: of other data, or of some of the rows. "
    "Not seen: vocabularies, layers of users' own, boundaries that were given, and what was done "
    "to the data before they came.",
    "It is the commonest leak: `layer.adapt(x_train)` before or in a build function reads the "
    "samples that each replicate holds out. A score on samples that were looked at is not that of "
    "new ones. How far it is bent was not measured here: the fewer rows there are, the more does "
    "each of them move what is learned.",
    ADVICE,
    judge,
)
"""The rule; its certainty is that of numbers that agree to rounding, not of an interval."""
