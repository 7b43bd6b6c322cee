"""KD102: samples that belong together may be parted."""

from kohort.findings.checks.checked import CheckedData
from kohort.findings.finding import Evidence, Finding, Rule
from kohort.findings.names import listing, shortlist
from kohort.findings.rules.leak import COPIES_PERCENT, EXACT_PERCENT


def judge(data: CheckedData) -> Finding:
    """Whether groups hold copies together; without groups, whether any are suggested."""
    groups, sought = data.groups, data.copies.copies.near_sought
    kind = "a copy, exact or near," if sought else "an exact copy"
    copied = f"{groups.copied:,} of {groups.samples:,} training samples ({groups.percent:.3g} %)"
    evidence: Evidence = {
        "training samples with a copy outside their group": groups.copied,
        "training samples with such a copy, %": groups.percent,
    }
    if not groups.given:
        return _suggested(data, f"{copied} have {kind} among the others", evidence)
    if groups.percent >= COPIES_PERCENT:
        sentence = f"The groups part copies: {copied} have {kind} in another group."
        return RULE.finding(None, "found", sentence, evidence, MERGE)
    if groups.across:
        return _across(data, groups.across, evidence)
    few = f"{copied} have {kind} in another group"
    made = f"Groups were made of {groups.made_of}" if groups.made_of else "Groups are given"
    sentence = f"{made}; {few if groups.copied else 'no copies are in two of them'}."
    if groups.percent >= EXACT_PERCENT:
        return RULE.finding(None, "inconclusive", sentence, evidence, MERGE)
    if groups.made_of:
        return RULE.finding(None, "not applicable", f"{UNSAID} {sentence}", evidence)
    return _kept_apart(data, sentence, evidence)


def _across(data: CheckedData, samples: int, evidence: Evidence) -> Finding:
    """What to say of groups that stand on both sides of the test set."""
    groups, percent = data.groups, 100 * samples / data.test
    found: Evidence = {
        **evidence,
        "test samples of a group that trains too": samples,
        "test samples of such a group, %": percent,
        "groups on both sides": groups.across_groups,
    }
    many = groups.across_groups
    which = "a group that trains" if many == 1 else f"{many:,} groups that train"
    are = "is" if samples == 1 else "are"
    sentence = f"{samples:,} of {data.test:,} test samples ({percent:.3g} %) {are} of {which} too."
    if groups.made_of:
        sentence += f" But the groups were made of {groups.made_of}, and may mean nothing."
    is_sure = percent >= EXACT_PERCENT and not groups.made_of
    return RULE.finding(None, "found" if is_sure else "inconclusive", sentence, found, REDRAW)


def _kept_apart(data: CheckedData, sentence: str, evidence: Evidence) -> Finding:
    """What to say of groups that hold their copies, and of which none is found in the test set."""
    if data.test and data.groups.across is None:
        told = f"{sentence} {UNKNOWN_TEST}"
        return RULE.finding(None, "inconclusive", told, evidence, GIVE_TEST)
    apart = APART if data.test else "There is no test set."
    return RULE.finding(None, "not found", f"{sentence} {apart}", evidence)


def _suggested(data: CheckedData, copied: str, evidence: Evidence) -> Finding:
    """What to say where nobody has given groups."""
    groups = data.groups
    reasons = [copied] * (groups.percent >= EXACT_PERCENT and data.copies.means_much)
    if groups.columns:
        many = "look as if they numbered" if len(groups.columns) > 1 else "looks as if it numbered"
        reasons.append(f"{shortlist(groups.columns)} {many} what belongs together")
    if reasons:
        sentence = f"{UNSAID} But it is suggested: {listing(reasons)}."
        return RULE.finding(None, "inconclusive", sentence, evidence, GIVE)
    looked = "copies and columns that number groups" if data.columns else "copies"
    sentence = f"{UNSAID} The {looked} that were looked for suggest nothing."
    return RULE.finding(None, "not applicable", sentence, evidence)


UNSAID = (
    "Nobody has said which samples belong together (are of one patient, font, document), and the "
    "data alone cannot tell."
)
UNKNOWN_TEST = "The groups of test samples are not known, so that these were not compared."
APART = "No test sample is of a group that trains."
REDRAW = (
    "Keep each group on one side of the test set: else the test score praises a model for "
    "recognising groups. Put such samples on one side, or draw the test set anew by whole groups."
)
GIVE_TEST = "Give the groups of test samples too, kohort.Dataset(..., test_groups=...)."
MERGE = "Give copies one group: a split parts what is in two."
GIVE = (
    "Where samples have one origin, give their `groups` to the Dataset, so that no split parts "
    "them; else scores on validation and test samples are flattered."
)

RULE = Rule(
    "KD102",
    "what belongs together",
    f"Where there are groups: {COPIES_PERCENT:g} % or more of the training samples have a copy, "
    f"exact or near, outside their group, or {EXACT_PERCENT:g} % or more of the test samples are "
    f"of a group that trains too. It is inconclusive from {EXACT_PERCENT:g} % of the training "
    "samples on, of fewer such test samples, and where the groups of test samples are not known. "
    "Where kohort made the groups of file names and copies, nobody has said what belongs together: "
    "such test samples are inconclusive, and it is not applicable without any. Where there are no "
    "groups, nothing can be found: it is "
    "inconclusive where "
    f"{EXACT_PERCENT:g} % or more of the training samples have a copy among the others (but not in "
    "tables whose rows may be equal by chance), or a column of a table looks as if it numbered "
    "groups (whole numbers or text, each in two rows or more on average, that fix another column; "
    "looked for among up to 256 columns); and not applicable where neither is so.",
    "Samples of one origin are alike in ways that the next origin is not. Where they stand on both "
    "sides of a split, a model is praised for recognising the origin.",
    "Give `groups` to the Dataset; keep each group on one side of the test set too.",
    judge,
)
