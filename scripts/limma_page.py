"""How far borrowed variances are from limma's, as a table of Markdown."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from kohort.findings.statistics.moderated import Prior, prior, shrunk
from scripts.measured import table

LIMMA = Path(__file__).parents[1] / "tests" / "findings" / "statistics" / "limma.json"
"""Small sets of variances, what limma makes of them, and the lines of R that made this."""
HEADER = ["variances", "prior df", "prior variance", "the smallest", "the largest"]
TOLD = {
    "alike": "8, alike",
    "different": "8, different",
    "different, of unequal df": "8, different, df 2 to 9",
    "alike, and one of 40": "7 alike, and one far off",
    "of three variants": "0.2, 1 and 5",
    "forty, alike": "40, alike",
    "forty, different": "40, different",
    "39 alike, and one of 40": "39 alike, and one far off",
}
ABOUT = """### Beside limma

The borrowing is limma's in one equation, and a method of its own in the rest. From the same prior
come the same variances: tests compare them with the numbers of {source}, and the bias of a
prior variance with that of `fitFDist`. The prior itself is another one. Below, small sets of
variances with 4 degrees of freedom each, where nothing else is said: quantiles of a chi-square
distribution ("alike": they differ as chance makes them), or of F with 4 degrees of freedom in its
denominator ("different": as from a prior of 4). Each cell has limma's `squeezeVar`, the same with
`robust=TRUE`, and kohort: the prior's degrees of freedom, from the least that a variance borrows to
the most; the prior variance; and what becomes of the smallest variance and of the largest.
"""
END = """Why it differs: limma is made for thousands of genes; a study has a handful of variants,
of which a few may differ from all others.

- Where variances differ no more than by chance, limma's prior has infinite degrees of freedom. Of
  few variances that is weak evidence: kohort averages over all priors that they could have, and
  limits what is borrowed by the numbers of variants and replicates.
- The prior variance follows from the mean of the variances; limma's, where its degrees of freedom
  are finite, from the mean of their logarithms. The former is larger. One that is drawn too high
  decides too little; one that is drawn too low, too much.
- limma lends to all alike. Its robust fit lends less to variances that are too large, and finds
  none in these sets of 8. kohort lends less to each the farther it is from the others, on either
  side, and next to nothing to one that is far off.

So the smallest variances stay well below limma's, and the largest above. A small one that borrows
little has hardly more degrees of freedom than its own, as in a plain t test. What it does not show:
which of the two errs less. How often kohort errs is in the table above; limma was not simulated.
"""


def of_kohort(variance: np.ndarray, df: np.ndarray) -> tuple[Prior, np.ndarray]:
    """The prior of variances `[variant]`, and what they are drawn to."""
    found = prior(variance, df, float(np.median(df)) + 1)
    return found, shrunk(variance, df, found.variance, found.df)[0]


def beside_limma() -> str:
    """The section of docs/simulations.md."""
    written = json.loads(LIMMA.read_text("utf-8"))
    about = ABOUT.format(source=written["source"].split(",")[0])
    return f"{about}\n{table(HEADER, _rows(written['sets']))}\n{END}"


def _rows(sets: dict[str, dict[str, Any]]) -> Iterator[list[str]]:
    for name, told in TOLD.items():
        found = sets[name]
        variance = np.array(found["var"], float)
        of_prior, posterior = of_kohort(variance, np.array(found["df"], float))
        limma = [found["plain"], found["robust"]]
        ours = {"df.prior": of_prior.df, "var.prior": of_prior.variance, "var.post": posterior}
        each = [*limma, ours]
        yield [
            told,
            " / ".join(_range(np.array(one["df.prior"], float)) for one in each),
            " / ".join(f"{one['var.prior']:.2f}" for one in each),
            *(
                f"{variance[at]:.2f}: {' / '.join(f'{one["var.post"][at]:.2f}' for one in each)}"
                for at in (variance.argmin(), variance.argmax())
            ),
        ]


def _range(values: np.ndarray) -> str:
    """From the least to the most, or one number where they are one."""
    least, most = (f"{end:.1f}".replace("inf", "infinite") for end in (values.min(), values.max()))
    return least if least == most else f"{least} to {most}"
