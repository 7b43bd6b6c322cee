"""docs/simulations.md: how each study was simulated, and what came out."""

from typing import Any

from scripts import class_pages, grouped_page, limma_page, race_page
from scripts.finding_pages import EVERY, NOTE, rule_tables
from scripts.measured import percent, percents, rates, results, studies, table
from simulations.noise import LETTERS, NOTMNIST
from simulations.rules import QUESTIONS

TITLES = {rule.code: rule.title for rule in EVERY}

HEAD = """# Simulations

What an interval or a verdict promises holds, or does not, in studies whose truth is known. Here
such studies are drawn by the thousand and judged by the project's own code. `make simulations`
runs all of it again (`simulations/`; same seed, same numbers) and writes
[simulations.json](simulations.json). Rates are in percent, with their Monte Carlo standard errors.
"""

ALARMS = """## False alarms of comparisons

Eight variants that do not differ (a hundred in one row), 5 replicates (in one row 20). All families
of comparisons are made as a study makes them: against the baseline, the winner that the study chose
against the others, four additions, and the rise of their validation loss after the best epoch.
"Any" is the share of studies that report any difference in any family.

The first rows draw errors: a part that all variants of a replicate share, and a variant's own, of
the distribution named. The rows of curves draw 20 epochs with the noise of a real study, so that
e\\* is chosen as well; there, accuracies have noise of their own. Where a study is scored by the
loss that chooses e\\*, the luck of that epoch is in the score: in the rows "scored by a noisy loss"
what a replicate does to all variants, a variant's own part and the noise of each epoch have one
standard deviation, a hundredth of the loss. The last rows draw a new data set of 300 samples for
each study and train linear classifiers, or random hidden layers, on the splits that `Holdout` and
`KFold` make of it: their replicates truly share samples. The variants see features of their own
that are equally good, so that none is better but in the data set at hand ("chance in training": all
see the same, and differ by their random weights).
"""
ALARMS_END = """What it shows: the promise holds, with room to spare where tails are heavy, where
folds share no validation sample, and where training adds chance of its own. What it does not show:
noise of other kinds, which five replicates are too few to tell from this.
"""

GROWS = """### A study that grows

The first row above, run again with more replicates as long as it reports nothing: the share of
studies that report any difference at the last of these numbers, and at any of them.
"""
GROWS_END = """What it shows: who goes on until something differs errs more often than one study
promises. A race spends the error rate over its looks.
"""

POWER = """## Power of comparisons

One variant of eight is better by some points; a variant's own part of its error has a standard
deviation of 1 point over replicates. "Splits" have the correlation that Nadeau and Bengio's
correction assumes, for a fifth held out. "False" is any difference decided between equals, or the
wrong way round, of any pair, shown in a report or not. Simes's test over everything holds it back
only while nothing differs; once something does, each family errs about the rest in up to 5 % of
studies.
"""

BORROWED = """## What variants know of each other's spread

Each variant is compared with the first, by Holm's method over p-values of which each has its pair's
own spread ("alone"), or one that all variants help to estimate ("with help"; then none is below the
pair's own, as in a study). Nothing else holds them back, as where something else in a study
differs. Where none differs, the share of studies that tell any from the first; in the last row of
each block the share that tells one that is better by two standard deviations, at equal spreads. In
"two kinds" every other variant has a part of its error in common.
"""
BORROWED_END = """What it shows: with the help of others, and equal spreads, a difference is told
{least:.0f} to {most:.0f} times as often where there are eight variants or more, and hardly more
often where there are three. The level holds where spreads are equal, where they differ in these
ways, where tails are heavy and where errors are skewed.
Where variants are of two kinds that have most of their error in common within their kind, less is
borrowed as soon as it shows; three replicates seldom show it, and of such families about 7 % err.
In a study, Simes's test stands before it while nothing differs at all. And help may hide what a
pair alone would show: where two variants vary far less than most, and where two that are closely
related differ by little.
"""

WINNER = """## The winner against the others

The winner of each study is compared with every other variant (`better_than_each`), and held back by
Simes's test over all pairs as in a study. "False" is the share of studies that call it better than
one that is truly as good. "Found" is the share of the truly worse ones that it is called better
than; "by pairs" the same by Holm's method over all pairs of variants, each by its own spread. What
differs does so by 6 standard deviations. Spreads are equal, or reach from 1 to 16, and then the
best vary most in half of the studies. "Splits" share a fifth of the variance, of 5 replicates.
"""
WINNER_END = """What it shows: the level holds with two replicates and with thirty variants,
where spreads are equal and where they reach from 1 to 16; the highest of {of} rates is {highest}.
What it does not show: errors that are both very skewed and of very unequal spreads. There a t test
of two variants errs more often than it says, and this rests on it.
"""

AXES = """## What each axis does

Whole designs of one, two and three axes, whose levels are evenly spaced numbers. A replicate moves
all cells alike, each level of each axis, and each cell, by 1 point (standard deviation) each;
splits share a fifth of the variance; where some are lost, each member diverges with a probability
of 5 %.
An axis that does something moves the error by 5 points from its first level to its last, and two
that interact move it by 10 together and not at all one without the other. "Holds the truth" is of
intervals of levels, trends and interactions, nominally 95 %; "false" the share of studies that
decide any of them that is zero; "found" that of the others. "Range" is how often the interval of a
range holds the true one. "Most" is the share of studies that say that an axis matters most: where
that is false, and where it is true.
"""
AXES_END = """What it shows: effects of axes keep their level in whole designs and in those that
lost cells. The interval of a range holds the truth at times less often than it says, in the worst
case here in {range} %: where levels are close, those that other replicates choose are at times the
wrong ones, and the range is read too small. An axis is falsely said to matter most in
{most} % of studies at most. What it does not show: divergence that depends on how good a
replicate is.
"""

RACES = """## Races

Eight variants race over up to 20 replicates, with looks after 4, 8, 12, 16 and 20, decided by the
project's own code. A variant's own part has a standard deviation of 1 point over replicates, what a
replicate does to all another one; the margin is 2 points. "False" is the share of races that decide
anything false at any look: that a variant is worse which is as good as the leader of that look, or
better ("worse"), or that one is equivalent which is the margin away or more ("equal"). "Trained" is
the share of the members of the fixed design that a race trained. Then how races end: with each
variant decided, with some that no repeats of these splits would decide ("undecidable") or the looks
to come would hardly ("unlikely"), or with some open at the last look.

One is better, or two are the best, by 2 points; at the margin others are worse by just that, so
that to call one equivalent is false; on a ladder each is worse than the one before by 0.3 points.
"Spreads 1 to 16" and what else is named is of the variants' own parts. "Splits" share a fifth of
the variance; `Holdout` and `KFold` split a new data set of 300 samples in each race, and train
classifiers. Where members diverge, each does with a probability of 2 %.
"""
RACES_SAVED = """### What a race saves

One variant of eight is better by two standard deviations, over seeds; the margin is one. "Found"
is the share of races that decide that it is better than each of the others, and of fixed designs
that do: by t tests of the best with each other, with Holm's method over these seven, or over all 28
pairs of variants, which a study did before it had a method for the best.
"""
RACES_END = """What it shows: races keep their level, with room to spare, since the union bound over
looks takes each look for a new chance. Equal variants end as equivalent where the margin is wide
enough for their spread; over splits most end undecidable where these share samples of real data,
and fewer in the model, whose floor leaves room for a verdict after endless repeats. A race that may
go on to 30 replicates finds the better variant as surely as a fixed design of 24 to 28 that
compares all pairs, with a third to two fifths of its members; and as surely as one of 18 that
compares the best with the others, with half of them. What bounds this are the first look, which
all variants have to reach, and the luckiest of seven rivals. What it does not show: what it costs
in power to give up a pair; a verdict that would be reached with a probability below 10 % is lost.

Considered and left, each measured on a few hundred races with one better variant:

- Error rates after O'Brien and Fleming, which keep most for the last look: an eighth more training.
  Equal ones are as good as these, but change when a race is given more looks. To spend 20 or 40 %
  of what is left instead of 30: 3 % more or less training, and with 40 fewer races that find the
  better one by the last look.
- A pair's own t test at what a look may spend, beside the moderated one, instead of at the study's
  level: 7 to 10 % more training, and hardly fewer errors.
- A closed test over all subsets of variants, instead of ruling them out one by one: 3 % less
  training, for a second method beside a study's.
- To leave out of the corrections those that left: what is open is then a selection of what looks
  different, and nothing bounds the error.
- To stop a member in mid-training where even its best gain of an epoch, in each epoch to come,
  would not bring it to the leader's last score of that replicate. On the curves of the trained nets
  above, with that score known beforehand, it saves 7 % (built-in study) and 15 % (notMNIST_small)
  of the epochs, and of the members that it stops 13 and 3 % would have ended as good as the leader
  or better. So it saves little, and errs.
- To give up more pairs, or to look earlier: percent trained, and verdicts of a study about seven
  rivals, on the trained nets above and in 120 races with a margin of a point. Higher thresholds
  save most where there is little to find, and lose verdicts where there is more. Levels that are
  corrected for the pairs that left and still count lose none here, and save little; corrected for
  all that are open, and with each look's own share, they lose every third verdict on the built-in
  study, and 3 % of the better variants of "what a race saves", where they save nothing.

| given up below | built-in | notMNIST_small | one better; splits | ladder; splits | alike; seeds |
| --- | --: | --: | --: | --: | --: |
| 10 % (the race) | 69, 3.6 | 54, 5.5 | 66, 1.9 | 58, 0.6 | 89, 0.2 |
| 20 % | 65, 3.4 | 54, 5.5 | 60, 1.8 | 53, 0.6 | 82, 0.2 |
| 30 % | 59, 2.6 | 54, 5.5 | 57, 1.7 | 50, 0.6 | 73, 0.3 |
| 10 %, corrected for pairs that left | 65, 3.6 | 53, 5.5 | 62, 1.9 | 52, 0.6 | 87, 0.2 |
| the same, looks after 3, 5, 8, 12, 16, 20 | 66, 2.9 | 53, 5.5 | 60, 1.6 | 49, 0.5 | 82, 0.2 |
| 10 %, corrected for all open pairs | 50, 2.4 | 53, 5.5 | 49, 1.6 | 45, 0.6 | 61, 0.2 |
"""

SEARCH = """## The proof of a search

Of 64 trials the five with the best score of one split each race over up to 12 replicates that
the search has not seen, with looks after 4, 8 and 12, decided by the project's own code. A
trial's score has a standard deviation of 1 over replicates, and what a replicate does to all of
them another one; the trials' true scores differ by 0, 1 or 3 times that, the worse side of a
normal distribution. "Held" is the share of searches in which the interval of the race's winner,
nominally 95 %, holds its true score. "The search's" is by how much the search's own best number
is better than what that trial is worth, and "proved" the same of the race's winner, in standard
deviations.
"""
SEARCH_END = """
What it shows: the search's own best number is almost always better than what it stands for, by
about two standard deviations; the proved one by a quarter to two thirds, since the winner of
five is picked once more, and over splits by what all replicates share. Over splits intervals
hold the truth as often as they say, or more; over seeds, where trials are all alike, a little
less.
"""
SEEDS = """## Coverage of the interval of a mean: seeds

Independent replicates, nominally 95 %. Skewed is exponential: an error of one variant can be so,
the difference of two alike cannot.
"""
SPLITS = """## Coverage of the interval of a mean: splits and folds

A new data set of 300 samples each time, split as `Holdout` and `KFold` split; classifiers are
trained on each training part and scored on its validation part. True is the expected error, or
difference of errors, of such classifiers over all data sets of that training size: what the next
data set would show, not what this one does. Nominally 95 %.
"""
SPLITS_END = """What it shows: without the correction, intervals over splits hold the truth less
often than they say, and the less the more replicates there are. With it they come near their level
for the error of one classifier on holdout splits. The correction is a rule of thumb, though: it
takes the correlation between replicates to be the part held out, whatever the algorithm. In
differences much of what replicates share cancels, folds have no validation sample in common, and
training adds chance of its own: there intervals are wider than they need be, and hold the truth in
up to 99 % and more. Of plain folds, the interval without correction would do here; that no
estimator of their variance is unbiased for all data (Bengio and Grandvalet 2004) is why they are
corrected all the same. What it does not show: other data, sizes and algorithms.
"""

WILSON = """## Coverage of Wilson's interval

Exact, by adding up the binomial distribution; nominally 95 %. It holds on average over
proportions, and goes a little to either side at single ones.
"""
SPREAD = """## Coverage of the interval of a standard deviation

Nominally 95 %; "above" is the share of intervals that lie wholly above the truth, which would make
KH106 a false alarm. The chi-squared interval believes in the normal distribution more than a t
interval does: with other distributions it is too narrow, and more replicates do not mend that.
"""
EQUIVALENCE = """## Equivalence

The share of comparisons that are called equivalent, by the true difference, for a margin of 1
point and a standard deviation of 0.5 points over replicates; and the share of families of seven
independent ones of which any is. At the margin and beyond it is an error, at most 5 %.
"""
OPTIMISM = """## Optimism

The winner's mean error is too low for having been chosen by it. True is by how much, on average;
the bias is the estimate's, in points. Eight variants, whose true errors lie some points apart from
best to worst; own parts of 1 point over replicates. Over splits the luck of the data set is common
to all replicates, and no estimate from them can see it: only a test set can.
"""
NEEDED = """## Replicates needed

The share of studies that see a difference of the margin, 1 point, at Bonferroni's level among
seven comparisons, with as many replicates as are said to be needed: 80 % by promise, and a little
more, since replicates come whole. It is given the true standard deviation; that of five
replicates is itself uncertain by a third, and so is the number told.
"""
LEARNING = """## Learning curves

What a study says of twice the data, from 5 / 6 sizes that double up to 16,000 samples, 5
replicates, a margin of 1 point. Replicates differ by 0.7 points at all sizes alike and by 0.4 at
each anew. "Claims" is the share of studies that fit a law at all, "misses" that of studies that do
and whose interval of the gain does not hold the true one.
"""
LEARNING_END = """What it shows: where a power law is true, its forecast errs in 5 % of studies at
most, and no wrong verdict is common. Of the two curves that are none, none is claimed. What it does
not show: other curves that are none, and that any curve goes on as it began.
"""
SPEEDS = """## Findings at all speeds of learning

One variant learns at some speed, beside another one that has learned all there is: its error falls
from 90 % to 8 % with eight time constants in its 20 epochs. The first one falls to the same limit
by an exponential with fewer time constants, or by a power law from the first epoch on; or as fast
as the other one, to a limit above it ("limited": the part of the error that it cannot learn), which
alone is a lack of capacity. "Gain" is by how much its error would truly fall in as many epochs
again, "behind" how far it ends above the other one, both in points; the margin is 1 point. The
columns are shares of studies in %, by 3 / 5 / 10 replicates, with the noise that is named: found to
underfit (KH103), undertrained or levelled out (KH104 found and not found), and slow (KH107); and
told a number of epochs, or a bound on it, that is wrong.
"""
SPEEDS_END = """What it shows: one that learns slowly is told so or left open, and next to none is
said to underfit or to have levelled out; what lacks capacity is never called slow. No study holds
two verdicts that contradict each other. Where a power law with a small exponent leaves most to be
learned, its slow gain is at times taken for a lack of capacity. What it does not show: curves that
fall in steps, or that end with a phase much slower than what was seen.
"""
SOUND = """## Findings in sound studies

Eight variants that learn well, with a gap of 1 point and a flat end: the share of studies in which
any of the eight is found to have anything (KH202 aside). Verdicts are not corrected for their
number: eight variants and seven rules are 56 questions.
"""
RULES = """## Findings

Each rule judges the first variant of studies whose mean curves have the property at a known level:
clearly absent, at the rule's threshold, clearly present. Replicates are independent, their number
is 3 / 5 / 10. Noise is that of two real studies:
"""
RULES_NOISE = """To each mean curve three normal parts are added: what a replicate does to all
variants alike, what it does to one, and what differs from epoch to epoch, with some memory. All
are relative to the mean of the same quantity on validation data (`simulations/noise.py`). What it
does not show: noise of other studies; replicates whose curves differ in shape and not in level, as
where one overfits sooner than another; and overlapping splits, which the rules' intervals correct
for.
"""

CLASSES = """## Findings about classes and the test set

Studies of samples, and not of curves: a variant's member is right about a sample or not, by a
normal sum of how hard the sample is for all, how hard for the variant, what this training makes of
it, and how good the training is at all (`simulations/classes.py`). All variants are equally good,
so that the winner is the luckiest. The splits are the project's own, of samples that are drawn
anew; the member that does best on validation is tested. What it does not show: samples that depend
on each other, as of one patient (see [below](#findings-about-samples-in-groups)); and, of KH203,
classes that the model gets right at different rates. Where an error scores in the place of an
accuracy, a member is off a sample's target by such a sum, and its error is a function of that
(`simulations/errors.py`).
"""


def page() -> str:
    """The whole of it."""
    return "\n".join(
        [
            NOTE,
            HEAD,
            *(ALARMS, _alarms(), ALARMS_END, GROWS, _grows(), GROWS_END),
            *(POWER, _power()),
            *(BORROWED, _borrowed(), _borrowed_end(), limma_page.beside_limma()),
            *(WINNER, _winner(), _winner_end()),
            *(AXES, _axes(), _axes_end()),
            *(RACES, _races(), RACES_SAVED, _saved(), race_page.trained_nets(), RACES_END),
            *(SEARCH, _searches(), SEARCH_END),
            *(SEEDS, _by_replicates("coverage over seeds", "noise", "covers")),
            *(SPLITS, _splits(), SPLITS_END),
            *(WILSON, _wilson()),
            *(SPREAD, _spread()),
            *(EQUIVALENCE, _equivalence()),
            *(OPTIMISM, _optimism()),
            *(NEEDED, _needed()),
            *(LEARNING, _learning(), LEARNING_END),
            *(SPEEDS, _speeds(), SPEEDS_END),
            *(SOUND, _by_replicates("sound studies", "noise", "anything")),
            *(RULES, _noise(), RULES_NOISE, *_rules()),
            *(CLASSES, *_classes(), grouped_page.in_groups()),
        ]
    )


def _alarms() -> str:
    names = ("any family", "baseline", "winner", "additions", "rises")
    header = ["noise", "any", "baseline", "winner", "additions", "rises", "studies"]
    return table(
        header,
        (
            [case, *(percent(cell, name) for name in names), studies(cell)]
            for case, cell in results()["false alarms"].items()
        ),
    )


def _grows() -> str:
    names = ("at the end", "at any look")
    rows = (
        [looks, *(percent(cell, name) for name in names), studies(cell)]
        for looks, cell in results()["growing"].items()
    )
    return table(["replicates", *names, "studies"], rows)


def _power() -> str:
    names = ("chosen", "better than the baseline", "any false")
    rows = [
        [f"{kind}, {n} replicates", points, *(percent(cell, name) for name in names)]
        for kind, by_n in results()["power"].items()
        for n, by_points in by_n.items()
        for points, cell in by_points.items()
    ]
    return table(
        ["study", "better by, points", "chosen as winner", "decided against the baseline", "false"],
        rows,
    )


def _borrowed() -> str:
    rows = [
        [variants, n, name, percent(cell, "alone"), percent(cell, "moderated")]
        for variants, by_n in results()["borrowed"].items()
        for n, by_name in by_n.items()
        for name, cell in by_name.items()
    ]
    return table(["variants", "replicates", "errors", "alone", "with help"], rows)


def _borrowed_end() -> str:
    cells = [
        by_name["power"]
        for variants, by_n in results()["borrowed"].items()
        for by_name in by_n.values()
        if int(variants) >= 8
    ]
    times = [cell["moderated"]["mean"] / cell["alone"]["mean"] for cell in cells]
    return BORROWED_END.format(least=min(times), most=max(times))


def _winner() -> str:
    names = ("false", "found", "found by all pairs")
    rows = [
        [name, variants, n, kind, *(percent(cell, of) if of in cell else "" for of in names)]
        for name, by_variants in results()["winner"].items()
        for variants, by_n in by_variants.items()
        for n, by_kind in by_n.items()
        for kind, cell in by_kind.items()
    ]
    header = ["truth", "variants", "replicates", "kind", "false", "found", "by pairs"]
    return table(header, rows)


def _winner_end() -> str:
    found = rates(results()["winner"], "false")
    return WINNER_END.format(of=len(found), highest=percent({"false": found[-1]}, "false"))


def _axes_end() -> str:
    covers, most = (rates(results()["axes"], name) for name in ("range covers", "most is false"))
    return AXES_END.format(
        range=percent({"covers": covers[0]}, "covers"), most=percent({"most": most[-1]}, "most")
    )


def _axes() -> str:
    names = ("covers", "any false", "found", "range covers", "most is false", "most is found")
    rows = [
        [truth, design, case, *(percent(cell, of) if of in cell else "" for of in names)]
        for truth, by_design in results()["axes"].items()
        for design, by_case in by_design.items()
        for case, cell in by_case.items()
    ]
    header = ["truth", "levels", "replicates", "holds the truth", "false", "found", "range"]
    return table([*header, "most, false", "most, true"], rows)


def _races() -> str:
    names = ("false", "worse wrongly", "equivalent wrongly", "trained")
    ends = ("decided", "undecidable", "unlikely", "last look")
    rows = [
        [
            f"{truth}; {world}",
            percent(cell, "false"),
            *(percents([cell], n) for n in names[1:] + ends),
        ]
        for truth, by_world in results()["race"]["decisions"].items()
        for world, cell in by_world.items()
    ]
    return table(["truth; how errors vary", "false", "worse", "equal", "trained", *ends], rows)


def _searches() -> str:
    rows = [
        [
            f"{truth}; {world}",
            percent(cell, "held"),
            percent(cell, "searched better than it is"),
            *(f"{cell[name]['mean']:.2f}" for name in ("searched too good", "proved too good")),
        ]
        for world, by_truth in results()["search"].items()
        for truth, cell in by_truth.items()
    ]
    header = ["trials; replicates", "held", "the search's too good", "the search's", "proved"]
    return table(header, rows)


def _saved() -> str:
    found = results()["race"]
    races = [
        [
            f"race, looks after {looks}",
            f"{cell['members']['mean']:.0f}",
            percent(cell, "found", 2),
            "",
        ]
        for looks, cell in found["saved"].items()
    ]
    designs = [
        [f"{n} replicates", f"{cell['members']['mean']:.0f}"]
        + [percent(cell, name, 2) for name in ("found", "found by all pairs")]
        for n, cell in found["fixed"].items()
    ]
    return table(["design", "members", "found", "found by all pairs"], [*races, *designs])


def _by_replicates(study: str, what: str, name: str) -> str:
    cases: dict[str, dict[str, Any]] = results()[study]
    numbers = list(next(iter(cases.values())))
    rows = [[case, *(percent(by_n[n], name) for n in numbers)] for case, by_n in cases.items()]
    return table([what, *(f"{n} replicates" for n in numbers)], rows)


def _splits() -> str:
    rows = [
        (
            f"{pair}, `{splits}`",
            percent(cell, "covers"),
            percent(cell, "covers without correction"),
            f"{100 * cell['half width']['mean']:.1f}",
        )
        for pair, by_splits in results()["coverage over splits"].items()
        for splits, cell in by_splits.items()
    ]
    return table(["what", "corrected", "not corrected", "half width, points"], rows)


def _wilson() -> str:
    cases = results()["coverage of Wilson's interval"]
    trials = list(next(iter(cases.values())))
    rows = [
        [p, *(f"{100 * by_trials[n]['covers']['mean']:.1f}" for n in trials)]
        for p, by_trials in cases.items()
    ]
    return table(["true proportion", *(f"{int(n):,} samples" for n in trials)], rows)


def _spread() -> str:
    rows = [
        [f"{case}, {n} replicates", percent(cell, "covers"), percent(cell, "lies above")]
        for case, by_n in results()["coverage of the spread"].items()
        for n, cell in by_n.items()
    ]
    return table(["noise", "holds the truth", "above"], rows)


def _equivalence() -> str:
    rows = [
        [f"{points} points, {n} replicates", percent(cell, "alone"), percent(cell, "any of seven")]
        for points, by_n in results()["equivalence"].items()
        for n, cell in by_n.items()
    ]
    return table(["true difference", "called equivalent", "any of seven"], rows)


def _optimism() -> str:
    rows = [
        [f"{case} points, {n} replicates"]
        + [percent(cell, name, 2) for name in ("estimate", "true", "bias")]
        for case, by_n in results()["optimism"].items()
        for n, cell in by_n.items()
    ]
    return table(["replicates are over, variants apart by", "estimate", "true", "bias"], rows)


def _needed() -> str:
    rows = [
        [f"{spread} points", f"{cell['replicates']['mean']:.0f}", percent(cell, "seen")]
        for spread, cell in results()["replicates needed"].items()
    ]
    return table(["standard deviation", "replicates", "see it"], rows)


def _learning() -> str:
    rows = []
    for truth, by_sizes in results()["learning curves"].items():
        cells = list(by_sizes.values())
        names = ("claims", "misses", "helps", "does not help")
        gain = f"{100 * cells[0]['gain']['mean']:z.2f}"
        rows.append([truth, gain, *(percents(cells, name) for name in names)])
    header = ["truth", "gain, points", "claims, %", "misses, %", "helps, %", "does not help, %"]
    return table(header, rows)


def _speeds() -> str:
    names = ("underfit", "undertrained", "levelled out", "slow", "told wrongly")
    rows = []
    for learner, by_noise in results()["speeds"].items():
        for noise, by_n in by_noise.items():
            cells = list(by_n.values())
            truth = [f"{100 * cells[0][name]['mean']:z.1f}" for name in ("gain", "behind")]
            rows.append([f"{learner}; {noise}", *truth, *(percents(cells, n) for n in names)])
    return table(["learner; noise", "gain", "behind", *names], rows)


def _noise() -> str:
    rows = [
        [f"{study}, {name.replace('_', ' ')}"]
        + [f"{100 * deviation:.2g}" for deviation in (part.shared, part.individual, part.epoch)]
        + [f"{part.autocorrelation:.2g}"]
        for study, noise in (("letters", LETTERS), ("notMNIST", NOTMNIST))
        for name, part in vars(noise).items()
    ]
    return table(["curve", "shared, %", "own, %", "epoch, %", "memory"], rows)


def _classes() -> list[str]:
    parts = []
    for code, tables in class_pages.TABLES.items():
        told = (text.replace(" ([how](../simulations.md))", "") for text in tables())
        parts += [f"### {code}: {TITLES[code]}\n", *told]
    return parts


def _rules() -> list[str]:
    return [
        part
        for question in QUESTIONS
        for part in (f"### {question.key}: {question.rule.title}\n", *rule_tables(question))
    ]
