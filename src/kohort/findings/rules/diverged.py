"""KH105: a member met NaN or infinity, or ended worse than it began."""

from kohort.errors import count
from kohort.findings.finding import Evidence, Finding, Rule
from kohort.findings.judged import WORSE_THRESHOLD, StudyCurves, VariantCurves


def judge(curves: VariantCurves, study: StudyCurves) -> Finding:
    """Whether any replicate diverged."""
    name, bad = curves.name, int(curves.diverged.sum())
    evidence: Evidence = {"replicates that diverged": bad, "replicates": curves.trained}
    of = count(curves.trained, "replicate")
    if bad:
        return RULE.finding(
            name,
            "found",
            f"{name} diverged in {bad} of {of}.",
            evidence,
            "Lower the learning rate, or clip gradients.",
        )
    if misled := int(curves.misled.sum()):
        return RULE.finding(
            name,
            "not found",
            f"{name} did not diverge: in {misled} of {of} train loss ended "
            "above where it began in inference mode alone, while training lowered it. Layers that "
            "infer by moving averages, as BatchNormalization does, need these to catch up.",
            {**evidence, "replicates that ended worse in inference mode alone": misled},
            "Train for more steps, scale the inputs, or give such layers a lower momentum.",
        )
    return RULE.finding(name, "not found", f"{name} did not diverge.", evidence)


RULE = Rule(
    "KH105",
    "diverged",
    "In a replicate a loss became NaN or infinite, or train loss, the mean of its last quarter, "
    f"ended more than {100 * WORSE_THRESHOLD:g} % above where it began: before training or, where "
    "nobody measured that, after the first epoch; unless the running train loss, which training "
    "lowers, ended below that: then moving averages by which layers infer have not caught up, and "
    "the finding says so. Of a variant that trains with `class_weight` "
    "it is the running train loss, which has the weights, from after the first epoch.",
    "Such a replicate says nothing about what the variant can do; it is left out of the other "
    "rules.",
    "Lower the learning rate, warm it up, or clip gradients (`clipnorm=` of the optimizer).",
    judge,
)
