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
    if groups.given:
        if groups.percent >= COPIES_PERCENT:
            sentence = f"The groups part copies: {copied} have {kind} in another group."
            return RULE.finding(None, "found", sentence, evidence, MERGE)
        few = f"{copied} have {kind} in another group"
        made = f"Groups were made of {groups.made_of}" if groups.made_of else "Groups are given"
        sentence = f"{made}; {few if groups.copied else 'no copies are in two of them'}."
        if groups.percent >= EXACT_PERCENT:
            return RULE.finding(None, "inconclusive", sentence, evidence, MERGE)
        if groups.made_of:
            return RULE.finding(None, "not applicable", f"{UNSAID} {sentence}", evidence)
        return RULE.finding(None, "not found", f"{sentence} {UNKNOWN_TEST}", evidence)
    tells = groups.percent >= EXACT_PERCENT and data.copies.means_much
    reasons = [f"{copied} have {kind} among the others"] * tells
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
MERGE = "Give copies one group: a split parts what is in two."
GIVE = (
    "Where samples have one origin, give their `groups` to the Dataset, so that no split parts "
    "them; else scores on validation and test samples are flattered."
)

RULE = Rule(
    "KD102",
    "what belongs together",
    f"Where there are groups: {COPIES_PERCENT:g} % or more of the training samples have a copy, "
    f"exact or near, outside their group; from {EXACT_PERCENT:g} % on it is inconclusive. With "
    "fewer it is not applicable where kohort made the groups of file names and copies, since "
    "nobody has said what belongs together. Where there are none, nothing can be found: it is "
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
