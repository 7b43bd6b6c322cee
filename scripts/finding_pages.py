"""The pages of the findings: an index, and one for each code."""

from collections.abc import Callable, Iterable
from functools import partial
from itertools import chain
from typing import Any

from kohort.findings.checks import doubtful_labels, giveaway, mixed_classes, shifted
from kohort.findings.checks.data_rules import DATA_RULES, SERIOUS
from kohort.findings.checks.order import over_time
from kohort.findings.diagnosis import RULES, STUDY_RULES, TEST_RULES
from kohort.findings.finding import Rule
from kohort.findings.names import listing
from kohort.findings.rules import overfit
from scripts import class_pages, label_page, time_page
from scripts.examples import example
from scripts.figures import CAPTIONS, DRAWINGS
from scripts.measured import (
    largest_error,
    percent,
    percents,
    rates,
    results,
    studies,
    table,
)
from simulations.rules import MARGIN, NOISES, QUESTIONS, REPLICATES, Question

NOTE = "<!-- Written by scripts/docs.py; `make docs` writes it again. -->\n"
EVERY: tuple[Rule[Any], ...] = tuple(
    sorted((*RULES, *STUDY_RULES, *TEST_RULES), key=lambda rule: rule.code)
)

DATA = """## Codes of data

What `kohort data check` looks for before anything is trained. The verdicts mean what they mean
above; a page for each code tells its rule. Codes of studies begin with KH, those of data with KD.
Where a serious one is found the command ends with exit code 1: {serious}.
"""

INDEX = """# Findings

Train and validation are both measured in inference mode at the end of each epoch, by the loss
without the penalties of weight regularisers, and by the error: what the variants are judged by,
turned so that lower is better, 1 - accuracy, say. A rule looks at one variant over its replicates,
at the study as a whole, or at what the winner and the baseline do on the test set, once that has
been read; no rule reads it. Replicates that diverged are left out. Of more than 4,000 training
samples a random part is measured, as many as validate and 4,000 at least: drawn once for each
replicate, the same for all variants.

- **e\\*** is the variant's best epoch: the one of lowest validation loss, averaged over replicates.
  In each replicate, values at e\\* are read at the epoch that *other* replicates choose: the
  lowest of several noisy values lies below what it measures, and an epoch chosen by others has no
  such luck. Nor do two replicates choose for each other: each one's luck would be in the reading of
  both, and intervals too short for it. The replicates stand in a circle, in their order, and for
  each one the following half of the others chooses: the next one of three or four, the next two
  of five or six, the next nine of twenty. Of two, each chooses for the other. Were all others to
  choose for each, a difference would be found in 15 % of
  [studies of equal variants whose loss is noisy](simulations.md#false-alarms-of-comparisons) with 5
  replicates, and in 32 % with 20.
- **The winner** is the variant of lowest mean validation error at e\\* among those that lost no
  replicate: that diverged in none, and have a score in each. A mean over only those that went well
  says less. Where every variant lost some, it is chosen among all, each by the mean over those that
  it has. One that lost some is named in the answer where it scores better than the winner in the
  replicates that both have; where that is decided, tables call it `better` against the best. In a
  [race](#races) the winner is the leader of the last look.
- **The end** is the mean over the last quarter of the epochs.
- **As many epochs again**: how far a curve would still fall in these is forecast from its last
  half. The interval is the union of Student's intervals by all shapes that the curve does not rule
  out: a straight line, the logarithm, power laws and exponentials of all speeds. Where noise hides
  the curve it is wide. A shape that would end at what cannot be, as an accuracy above 100 % or a
  crossentropy below zero, does not count; where it is the one that fits best, how far the value
  would get is not told. The forecast cannot see a phase that has not begun.
- **Intervals** are Student's t at the study's confidence, 95 % by default, with the correction of
  Nadeau and Bengio (2003) for splits and folds that share training samples. They are over seeds,
  over splits or over folds, which are different quantities; a study says which.
- **Points** are percentage points of a proportion. Where the metric is no proportion, thresholds
  are in percent of what the best variant scores on validation, and differences in its own unit.
  Where zero is not the best that there is, they are in percent of the same as the margin below.
- **Replicates that stopped at different epochs**, as with early stopping, each count by what they
  came to. Where e* is chosen, a replicate that has stopped goes on with the loss of its last epoch,
  so that one that stops early does not cut the others short; one that stopped before the e* of
  those that choose for it is read at its last epoch. The end is that of its own epochs. What is
  carried on is no training: forecasts are of each replicate's own epochs, at equal parts of them,
  and "as many epochs again" are as many as it trained itself.
- **The margin** is the smallest difference of practical interest: the study's `margin`. Where none
  is given it is one point. Of what is no proportion it is 5 % of the best variant's score where
  zero is the best that there is, by the name of a loss or metric of Keras (`mse`, `rmse`, `mae`,
  crossentropies, hinges, ...). Elsewhere such a part means nothing: the loss `poisson` is zero for
  counts whose mean is near e, and may be negative. There it is 5 % of how much better the best
  variant is than one answer for all samples, as of R2, if it is shown to be better and that
  answer's score is known; else 0, until you name one.
"""

VERDICTS = """## What a verdict means

| verdict | meaning |
| --- | --- |
| found | the whole interval lies beyond the rule's threshold |
| not found | the whole interval lies on the other side |
| inconclusive | the interval holds the threshold, or is of two replicates: more would tell |
| not applicable | the question makes no sense here, say of a variant that diverged everywhere |

"Inconclusive" is a normal answer. "Not found" is one, too: where it rests on an interval, it says
that the thing is not there to the extent that the threshold names, not that nobody looked closely.
Some of them rest on no interval, and say less:

- KH101 where e\\* is the last epoch: there is nothing after it that could have risen. A validation
  loss that truly ends {overfit} above its lowest, the threshold, is "not found" in {overfit_silent}
  of simulated studies, where an interval would err in 2.5 %.
- KH104 where one of the intervals, of score and of loss, lies below its threshold, and the other
  one does only by its mean; or where e\\* comes before the last epochs and neither seems to
  improve. An error that would truly fall by {margin}, the threshold, is "not found" in
  {margin_silent} of simulated studies, and one that would fall by twice as much in {twice_silent}.
- KH105, which counts the replicates that diverged.
- KH201, which counts the copies that it can see.
- KH205, where the winner finds a single sample of each class.
- KH103 of the variant that fits its training data best: there is nobody to compare it with.

An interval of 95 % lies wholly beyond a threshold by chance in 2.5 % of studies in which the truth
is the threshold itself, and in fewer in which it is on this side of it. It is two to three times as
often where the others' own spread comes on top (KH106), and where either of two intervals may
decide (KH104). Each code's page says what was measured. Verdicts are not corrected for their
number: of many, one may be found by chance.
"""

COMPARISONS = """## Comparisons

Two variants are compared replicate by replicate: the interval is that of the mean of paired
differences. A study makes four families of comparisons: each variant with the baseline, the winner
with the others, each addition (dropout, L2) with what it was added to, and these by how far
validation loss rises after the best epoch. In each, p-values are corrected by Holm's method, but
for the winner's; and no difference is decided unless Simes's test over all of them together finds
that anything differs. So of studies whose variants do not differ at all, 5 % at most report any
difference. Where some truly differ, each family errs on the rest in 5 % of studies at most, and so
the four together in more: in [up to {power_false} %](simulations.md#power-of-comparisons) of
simulated studies. The adjusted p-value that is shown is the largest of these: that of the
correction in the family; that of Simes's test over the whole study; and, where a pair is in several
families, that of the strictest of them, so that it has one verdict.

A correction looks far into the tail of Student's t, where the few degrees of freedom of one pair's
differences cost most. So these p-values are moderated, where there are three variants and three
replicates or more: the spread of a difference is estimated with the help of all variants of the
study. What a replicate does to all variants is taken off; each variant's remaining variance is
drawn towards the common one (Smyth 2004), by less where it is far from that (Phipson and others
2016), where the variances differ, and where what remains of the variants is correlated (Schott
2005), as of two architectures that hang on the seed in two ways; a difference has the degrees of
freedom of both its variants (Satterthwaite 1946), or, where the variances differ, hardly more than
those of the one that is less known (Mickey and Brown 1966). No adjusted p-value is below the pair's
own, so that nothing is decided where the pair's own interval holds zero, whatever the others look
like. Intervals are each pair's own, and the rises' p-values too. Of 8 variants with equal spreads
in 5 replicates, one that is better than the baseline by two standard deviations is told from it in
{found_moderated} % of studies, and in {found_alone} % without this help; with 3 replicates in
{few_moderated} % and {few_alone} %. What that risks where spreads are not equal, and where variants
are related, is [simulated](simulations.md#what-variants-know-of-each-others-spread). The method is
not that of limma, which Smyth's equation comes from: [both on small
sets](simulations.md#beside-limma).

The winner was picked by the scores that are compared. It is decided to be better than another
variant where the t test of the two alone says so, and one of these besides: the other one is ruled
out as one of the best (Simes's test over its one-sided comparisons with all others, and Holm's
correction over the variants); or the winner beats every other variant, each by itself, which a
lucky one of several equal ones seldom does (Gutmann and Maymin 1987). The former is by moderated
p-values. A baseline that wins was named beforehand, and has Holm's correction. Comparing all pairs
instead, each by its own spread, would leave large differences undecided: with 30 variants and 5
replicates a winner that is far ahead is told from {pairs_found} % of the others that way, and from
{winner_found} % in this one; and in {winner_false} % of studies of 30 equal variants it is called
better than one that is as
good.

These rates are of a study that is judged once. One that is given more replicates because of what it
showed, and judged again, may err each time: of studies of equal variants that are judged with 5, 10
and 20 replicates, as long as they report nothing, [{grown} %](simulations.md#a-study-that-grows)
come to report a difference. A [race](#races) spends the error rate over its looks.

`kohort compare` and `Result.compare` tell of a pair both p-values: by itself, and corrected as its
family is, or over all pairs where it is in none. The report believes the second. The first holds
for a pair that was the one to be compared before any result was seen, and for no other.

Whether a difference is smaller than the margin is tested by two one-sided t tests (Schuirmann
1987), corrected by Holm's method as well.

The winner is chosen on validation. By how much that choice flatters it, "optimism" estimates: each
replicate is scored by the variant that the other replicates choose. The estimate is zero where the
same variant always wins, which does not show that nothing flatters it. And over splits or folds it
misses the luck that all replicates share, being parts of one data set: in simulated studies of
equal variants, with 5 and 10 splits, it came to {few_told} and {many_told} points on average where
the truth was {few_true} and {many_true}. Only a test set sees the rest. Scores on the test set have
Wilson's interval. Where it is known which of its samples belong together (a table's `group`,
`test_groups=`) it is over groups: 40 rows of a patient tell less than 40 patients would, and
uneven groups [less than even ones](simulations.md#the-test-set-in-groups). Of fewer than 5 groups
there is none.

What was measured, of 8 variants and 5 replicates, in studies with a known truth
([how, and the rest](simulations.md)):
"""


AXES = """
## What each axis does

Variants that differ in named arguments, as those of a `grid`, differ along axes: an axis is an
argument, its levels are the values, and the first one that can be compared with another is its
reference. An argument that is not given has the default of the build function. Variants of several
build functions, or trained for several numbers of epochs or by several class weights,
have an axis of that. `Result.effects()`,
`kohort show` and the report tell what each axis does:

- **The effect of a level** is the mean difference from its axis's first level with all else equal:
  over the settings of the other axes in which both levels are there and trained. Each replicate
  gives one such mean, and the interval is that of a comparison over these; so the error term is how
  the effect differs between replicates, as in an analysis of variance with repeated measures (Kirk
  2013). Nothing is taken to add up. A setting that lost a replicate to divergence is left out where
  another one is whole; where none is, the replicate is.
- **A trend**, of three numbers or more, is the change along the least-squares line from the lowest
  to the highest; over logarithms where the numbers are above zero and span a factor of ten.
- **An interaction** is by how much the effect of a level of one axis is larger at a level of
  another one than at its first.
- **The range** of an axis is how far it moves the score from its worst level to its best. The best
  of several noisy means flatters itself, so that each replicate is read at the levels that
  others choose; where levels are close this is too low, and its interval somewhat too narrow. It
  has the unit of the score. Shares of variance have none, and in sets that are not balanced they do
  not add up.
- **An axis matters most** where its range is decided to be wider than that of each other one,
  these taken at their worst and best means: paired t tests at Bonferroni's level over the others,
  over the replicates in which all combinations of levels trained. Where some combination is not in
  the set nothing is said of that. What a range is depends on the levels that were tried.
- **No axis makes a difference of practical interest** where each level is decided to be within the
  margin of its axis's first one, of three levels or more the worst and the best as well, and no
  effect is decided to depend on another axis by what matters. It is of means over the other axes.

P-values are corrected by Holm's method over all levels, trends and interactions of a study, a
family of its own beside the comparisons. An effect that compares two variants alone has the study's
verdict on this pair. [How often all this is right](simulations.md#what-each-axis-does).

Among the variants that are decided to be within the margin of the winner, the answer names the one
of fewest parameters (then seconds), if it has all its replicates and is smaller than the winner:
`Result.best(cheapest=True)`.
"""

NEXT = """
## What would help next

`Result.next_steps()`, the terminal and the report judge four steps for the winner, from the
evidence of the study alone: more data (by its learning curve), a bigger model (by variants of at
least a quarter more weights), more regularisation (by variants that have it), more epochs (KH104).
They come in this order, but
**epochs come first where the winner or the baseline is found undertrained**: a model that still
improves is compared at a moment that says little of where it ends, in however many replicates. How
many replicates would tell two variants apart is then said of them "as they are trained now". So the
report's opening has it of variants from which the winner is not told.
"""

RACES = """
## Races

A race looks at its replicates several times. Each look compares the variants that stand, in the
replicates that all of them trained, as a study would: paired, corrected for overlapping splits, by
moderated p-values. The leader is compared with each other variant by the method for a winner above,
the baseline too. A variant leaves when it is

- **worse** than the leader of that look,
- **equivalent** to it: the difference is smaller than the margin (two one-sided t tests, corrected
  by Hochberg's method, so that all that are open leave where even the largest p-value is low
  enough). With a margin of 0 nothing is equivalent,
- **undecidable**: overlapping splits share their luck, and the variance of a difference stays above
  a floor however often the same data are split again. If even endless repeats would decide the pair
  with a probability below 10 %, at the difference and spread that were seen, it is given up. Less
  held out lowers the floor, and so do more data; over seeds on one split there is none,
- **unlikely**: the same of the last look. More replicates may tell; where they are added, it is
  taken up again,
- **diverged**: it lost a replicate, while others lost none. It cannot lead, and is as if it had
  never been there; those that left because of it come back.

Each look spends 30 % of the error rate that is left: of 5 % it spends 1.5, then 1.05, then 0.74 %
and so on. By the union bound at most 5 % of races decide anything false at any look, as far as a
fixed study keeps its level, however much looks depend on one another; and since no share depends on
how many looks follow, a race that is given more of them behind those that it has decides at these
what it decided before, but for those that it takes up again. With another number of replicates
looks are spread anew, and only the first stays where it was: a verdict may change, and who acts on
a race before it grows and again afterwards may err at the rates of both. Who has left stays in the
corrections: what was not decided of it counts with a p-value of 1, because those that are open are
a selection of those that look most different. What was decided is done with.

A verdict is about the leader of its look. If another variant leads later, "worse than the leader
after 4 replicates" stays true, and says nothing of the new one. Comparisons of a race are those of
the last look in which both variants stood. Their p-values are corrected for the looks as well, so
that 5 % is their level. Their intervals reach as far as two do: the pair's own, at the study's
confidence, and that of the moderated spread, at what the look may spend (98.5 % at the first);
a difference is decided where both exclude zero, and the correction allows it. They hold whenever
the race ends. Scores of variants have their usual intervals, which know nothing of looks; and
effects of axes are of the replicates before the first look, which all variants trained; but an
effect that compares two variants alone is the race's comparison of them. What is undecided of the
others, such as a trend, asks for a larger `first=`: later replicates change nothing about it.
[How often races err, and what they save](simulations.md#races).

The built-in study (`kohort demo`) is a fixed design. As a race over 20 replicates it trained 68 %
of the members and reached 31 of the fixed design's 51 verdicts, since its best variants are near
ties ([measured](simulations.md#races-of-trained-nets)): a race pays where some variants are clearly
worse. It also has a learning curve, which a race does not train.
"""


def index_page() -> str:
    """What is common to all findings, and where each is told."""
    codes = _codes(EVERY)
    data = [DATA.format(serious=listing(SERIOUS)), *_codes(DATA_RULES), ""]
    told = {**_optimism(), **_winner(), **_borrowed(), **_power()}
    parts = [VERDICTS.format(**_silences()), COMPARISONS.format(**told)]
    pages = [
        NOTE,
        INDEX,
        "## Codes\n",
        *codes,
        "",
        *parts,
        _error_rates(),
        AXES,
        NEXT,
        RACES,
        *data,
    ]
    return "\n".join(pages)


def _codes(rules: Iterable[Rule[Any]]) -> list[str]:
    rows = [f"| [{r.code}](findings/{r.code}.md) | {r.title} | {_first(r.why)} |" for r in rules]
    return ["| code | finding | why it matters |", "| --- | --- | --- |", *rows]


def code_page(rule: Rule[Any]) -> str:
    """What a code means, an example, and how often it is right."""
    parts = [
        NOTE,
        f"# {rule.code}: {rule.title}\n",
        f"**Rule.** {rule.rule}\n",
        f"**Why it matters.** {rule.why}\n",
        f"**What to do.** {rule.mend}\n",
        f"**Source.** {rule.source[0].upper()}{rule.source[1:]}.\n",
        _example(rule.code),
        "## How often it is right\n",
        _rates(rule.code),
        "[All findings](../findings.md)\n",
    ]
    return "\n".join(filter(None, parts))


def rule_tables(question: Question) -> Iterable[str]:
    """How often a rule gives which verdict, for each noise: a table with its caption."""
    for noise in NOISES:
        of_noise = results()["rules"][question.key][noise]
        rows = []
        for level in question.levels:
            cells = [of_noise[f"{level:g}"][f"{n}"] for n in REPLICATES]
            mark = " (the threshold)" if level == question.threshold else ""
            verdicts = ("found", "not found", "inconclusive")
            rows.append([f"{level:g}{mark}", *(percents(cells, name) for name in verdicts)])
        every = [cell for of_level in of_noise.values() for cell in of_level.values()]
        yield (
            f"With the noise of {noise}, {studies(every[0])} studies each, standard errors up to "
            f"{largest_error(every):.1f}:\n"
        )
        yield table([question.truth, "found, %", "not found, %", "inconclusive, %"], rows)


COUNTED = {
    "KH105": "The rule counts replicates that diverged, and infers nothing from them: the table "
    "says how often one of them met its threshold. ",
    "KH202": "The rule tells whether these replicates can decide, not what is true: the tables say "
    "how often they were too few, by how wide their interval was. ",
}
"""How to read the rates of rules that infer nothing."""

INFERRED = {
    "KH208": "The verdict is KD107's, of fewer samples where a study has many: "
    "[its page](KD107.md) says how often that is right.\n",
    "KH207": 'What would mislead is "not found" where no variant knows anything. Of areas under a '
    "ROC curve that was 0 to 3 % of 1,000 simulated studies each, on one split, of 1 and of 8 "
    "variants whose scores are random, of 1 positive in 120 samples to 50 in 1,000. Intervals "
    "over replicates are Student's, whose coverage [is simulated](../simulations.md).\n",
    "KH206": "The verdict rests on numbers that agree to rounding, and on no interval. Tests adapt "
    "layers to each of the three sets of rows, in tables of 50 and 5,000 rows (columns of unequal "
    "scales, of heavy tails, of few values, of ones that do not vary, of means a thousand times "
    "their spread) and in images, and know the answer: none is wrong; of such means, which float32 "
    "rounds away, and of one column of two values it may be that nothing can be told. Which rows a "
    "layer has learned from is looked at in the first replicate alone.\n",
}
"""What is known of the rates of rules about data that rest on an interval."""

SILENT = {
    "KH101": "Where e* is the last epoch there is nothing after it that could have risen, and "
    '"not found" rests on no interval. So it is said of a rise at the threshold in '
    "{overfit_silent} of these studies, where an interval would err in 2.5 %.\n",
    "KH104": 'Where e* comes before the last epochs and nothing seems to improve, "not found" '
    "rests on no interval. At the threshold it is said in {margin_silent} of these studies, and "
    "of an error that would fall by twice as much in {twice_silent}.\n",
}
"""What "not found" is worth where it rests on no interval."""

PAGES: dict[str, Callable[[], str]] = {
    "findings.md": index_page,
    **{f"findings/{r.code}.md": partial(code_page, r) for r in (*EVERY, *DATA_RULES)},
}


def _example(code: str) -> str:
    shown = example(code)
    if shown is None:
        return ""
    picture = f"![{CAPTIONS[code]}]({code}.svg)\n\n{CAPTIONS[code]}\n" if code in DRAWINGS else ""
    quoted = f"> {shown.finding.sentence}\n"
    if shown.finding.advice:
        quoted += f">\n> {shown.finding.advice}\n"
    return (
        f"## An example\n\n{picture}\nOn this study, which is made up, the rule says:\n\n{quoted}"
    )


MEASURED: dict[str, Callable[[], str]] = {
    doubtful_labels.RULE.code: label_page.rates,
    shifted.RULE.code: label_page.shift_rates,
    mixed_classes.RULE.code: label_page.mixed_rates,
    giveaway.RULE.code: label_page.giveaway_rates,
    over_time.RULE.code: time_page.rates,
}
"""What was measured of rules about data, by code."""


def _rates(code: str) -> str:
    if code in MEASURED:
        return MEASURED[code]()
    if code in INFERRED:
        return INFERRED[code]
    if code in class_pages.TABLES:
        return class_pages.rates(code)
    questions = [question for question in QUESTIONS if question.rule.code == code]
    if not questions:
        return "The rule counts, and infers nothing: there is no rate of error to measure.\n"
    head = COUNTED.get(code, "")
    head += (
        "Verdicts over simulated studies whose truth is known ([how](../simulations.md)), with "
        f"{' / '.join(map(str, REPLICATES))} independent replicates.\n"
    )
    tables = chain.from_iterable(rule_tables(question) for question in questions)
    parts = [SILENT[code].format(**_silences())] if code in SILENT else []
    return "\n".join([head, *tables, *parts])


def _silences() -> dict[str, str]:
    """How often "not found" is said of what is at a threshold or beyond it, in words."""
    return {
        "overfit": f"{overfit.GL_THRESHOLD:g} %",
        "overfit_silent": _silent("KH101", overfit.GL_THRESHOLD),
        "margin": f"{100 * MARGIN:g} point",
        "margin_silent": _silent("KH104", 100 * MARGIN),
        "twice_silent": _silent("KH104", 200 * MARGIN),
    }


def _silent(code: str, level: float) -> str:
    """The least and the most, over noises and replicates, of "not found" at a level of truth."""
    cells = [
        cell
        for of_noise in results()["rules"][code].values()
        for cell in of_noise[f"{level:g}"].values()
    ]
    rates = [100 * cell["not found"]["mean"] for cell in cells]
    least, most = f"{min(rates):.0f}", f"{max(rates):.0f}"
    return f"{most} %" if least == most else f"{least} to {most} %"


def _optimism() -> dict[str, str]:
    cells = results()["optimism"]["splits, 0"]
    return {
        f"{many}_{kind}": f"{100 * cells[n][name]['mean']:.1f}"
        for many, n in (("few", "5"), ("many", "10"))
        for kind, name in (("told", "estimate"), ("true", "true"))
    }


def _winner() -> dict[str, str]:
    cells = results()["winner"]
    ahead, alike = (
        cells[name]["30"]["5"]["spreads equal"] for name in ("one is best", "all alike")
    )
    return {
        "winner_found": f"{100 * ahead['found']['mean']:.0f}",
        "pairs_found": f"{100 * ahead['found by all pairs']['mean']:.0f}",
        "winner_false": f"{100 * alike['false']['mean']:.1f}",
    }


def _power() -> dict[str, str]:
    """How often all families err where one variant is better, at most; and as a study grows."""
    found, grown = rates(results()["power"], "any false"), results()["growing"]["5, 10, 20"]
    return {
        "power_false": f"{100 * found[-1]['mean']:.0f}",
        "grown": f"{100 * grown['at any look']['mean']:.0f}",
    }


def _borrowed() -> dict[str, str]:
    """What is told from the baseline with help from the other variants' spreads, and without."""
    few, usual = (results()["borrowed"]["8"][n]["power"] for n in ("3", "5"))
    return {
        f"{name}_{how}": f"{100 * cell[how]['mean']:.0f}"
        for name, cell in (("few", few), ("found", usual))
        for how in ("alone", "moderated")
    }


def _error_rates() -> str:
    found = results()
    alarms, seeds = found["false alarms"], found["coverage over seeds"]["normal"]["5"]
    alike, optimism = found["equivalence"]["1.0"]["5"], found["optimism"]["seeds, 0"]["5"]
    splits = found["coverage over splits"]["least squares - nearest centroid"]
    holdout, at_most = splits["Holdout(0.2, repeats=5)"], "at most 5 %"
    own_splits = alarms["splits, Holdout(0.2)"]
    promised = (
        ("studies that report a difference where none is", at_most, alarms["normal"], "any family"),
        ("the same over splits, `Holdout(0.2)`", at_most, own_splits, "any family"),
        ("intervals over seeds that hold the truth", "95 %", seeds, "covers"),
        ("intervals over splits that do, `Holdout(0.2)`", "95 %", holdout, "covers"),
        ("the same without the correction", "95 %", holdout, "covers without correction"),
        ("intervals over folds that do, `KFold(5)`", "95 %", splits["KFold(5)"], "covers"),
        ("differences of a margin called equivalent", at_most, alike, "alone"),
    )
    rows = [(what, promise, percent(cell, name)) for what, promise, cell, name in promised]
    bias = percent(optimism, "bias", digits=2)
    rows.append(("bias of optimism over seeds, points", "0", bias))
    return table(["what", "promised", "measured, %"], rows)


def _first(text: str) -> str:
    """The first sentence."""
    return text.split(". ", maxsplit=1)[0].rstrip(".") + "."
