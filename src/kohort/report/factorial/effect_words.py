"""Writes what each axis does in sentences."""

from kohort.findings.factorial.axes import Axis
from kohort.findings.factorial.effects import Effect, Effects
from kohort.findings.names import MOST_NAMES, listing, shortlist
from kohort.findings.statistics.comparison import Comparison
from kohort.findings.statistics.scale import Scale
from kohort.report import words


def what_axes_do(effects: Effects, scale: Scale) -> list[str]:
    """A sentence for each axis, then which matters most, and the interactions that are decided.

    Args:
        effects: The effects.
        scale: The scale of the metric that scores.
    """
    told = [_axis(effects, axis, scale) for axis in effects.axes]
    told += [_most(effects, scale)] * (len(effects.ranges) > 1)
    return [*told, *_interactions(effects, scale)]


def _axis(effects: Effects, axis: Axis, scale: Scale) -> str:
    levels = effects.of_axis(axis.name)
    if not levels:
        return (
            f"{axis.name}: no two variants differ in it alone, so that what it does is not known."
        )
    # Those that are decided first, then the largest.
    ranked = sorted(
        levels, key=lambda e: (not e.comparison.is_decided, -abs(e.comparison.difference.mean))
    )
    shown = ranked[:MOST_NAMES]
    parts = [f"to {e.levels[0]}: {_told(e, scale)}" for e in shown]
    text = f"{axis.name} {axis.levels[0]} {'; '.join(parts)}"
    if more := len(ranked) - len(shown):
        text += f"; and {more} other level{'s' * (more > 1)}"
    text += _never_beside(axis, {e.levels[0] for e in levels})
    for trend in effects.of_axis(axis.name, "trend"):
        over = " of logarithms" * trend.is_logarithmic
        ends = f"{trend.references[0]} to {trend.levels[0]}"
        text += f"; along a line{over} from {ends}: {_told(trend, scale)}"
    return f"{text}.{f' {LEFT_OUT}' * any(e.contexts < e.of for e in levels)}"


def _never_beside(axis: Axis, known: set[str]) -> str:
    """Which levels are never compared with the first, to end a sentence; "" where all are."""
    lacking = [level for level in axis.levels[1:] if level not in known]
    if not lacking:
        return ""
    verb = "are" if len(lacking) > 1 else "is"
    return f"; {shortlist(lacking)} {verb} never beside {axis.levels[0]} with all else equal"


LEFT_OUT = (
    "Settings of the other axes in which one of them diverged, or has no score, are left out."
)


def _told(effect: Effect, scale: Scale) -> str:
    found = effect.comparison
    if not found.difference.n:
        return "not both trained to the end in any replicate"
    return f"{words.shown_difference(found, scale, effect.most)}, {_verdict(found, effect.kind)}"


def _verdict(found: Comparison, kind: str) -> str:
    if found.is_decided:
        # Of a loss a minus is better; an interaction is neither better nor worse.
        side = "better" if found.better == found.b else "worse"
        told = "decided" if kind == "interaction" else side
        return told + ", but less than matters" * found.is_equivalent
    if found.is_equivalent:
        return "no difference of practical interest"
    return f"{words.UNDECIDED}{_why(found)}"


def _why(found: Comparison) -> str:
    """Why an effect is undecided, as what follows the word."""
    if not found.difference.is_formed:
        return ", since there is no interval"
    if found.alone.is_conclusive:
        return " after correction for all that is compared"
    return ", since the interval is too wide"


def _most(effects: Effects, scale: Scale) -> str:
    ranges, most = effects.ranges, effects.most
    moves = [f"by {scale.text(reach.size)} along {reach.axis}" for reach in ranges[:MOST_NAMES]]
    if more := ranges[MOST_NAMES:]:
        moves.append(f"by less along {len(more)} other{'s' * (len(more) > 1)}")
    how = f"from the worst level to the best {scale.metric} moves {listing(moves)}"
    if most is not None:
        return f"{most} matters most: {how}."
    if effects.none_matters:
        none = "No axis makes a difference of practical interest, on average over the others"
        return f"{none}: {how}."
    if not effects.are_alike:
        return (
            "Which axis matters most cannot be told, since combinations of levels are missing: "
            f"{how}, each over settings of its own."
        )
    first = ranges[0].axis
    is_sure = any(e.comparison.is_decided for e in effects.effects if e.axes == (first,))
    why = (
        f"{first} is not shown to move {scale.metric} further than each other axis"
        if is_sure
        else f"no effect of {first} is decided"
    )
    return f"Which axis matters most is undecided, since {why}: {how}."


def _interactions(effects: Effects, scale: Scale) -> list[str]:
    found = [e for e in effects.effects if e.kind == "interaction"]
    decided = sorted(
        (e for e in found if e.comparison.is_decided),
        key=lambda e: -abs(e.comparison.difference.mean),
    )
    if found and not decided:
        alone = sum(e.comparison.excludes_zero for e in found)
        but = f"; without correction for all effects {alone} of {len(found)} would be" * bool(alone)
        return [f"It is not decided that the effect of any axis depends on another one{but}."]
    told = [_interaction(effect, scale) for effect in decided[:MOST_NAMES]]
    more = len(decided) - MOST_NAMES
    noun = "interaction is" if more == 1 else "interactions are"
    return told + [f"{more} other {noun} decided (see the table of effects)."] * (more > 0)


def _interaction(effect: Effect, scale: Scale) -> str:
    (one, other), (to, at), (start, first) = effect.axes, effect.levels, effect.references
    return (
        f"The effect of {one} ({start} to {to}) depends on {other}: with {at} instead of {first} "
        f"it differs by {_told(effect, scale)}."
    )
