"""Variances beside limma's own numbers, which limma.json has with the R that made them."""

import json

import numpy as np
import pytest

from kohort.findings.statistics.moderated import bias, shrunk
from scripts import limma_page

SETS = json.loads(limma_page.LIMMA.read_text("utf-8"))["sets"]
FINITE = [name for name, found in SETS.items() if found["fit"]["df2"] != "Inf"]
DIFFERENT = ["different", "different, of unequal df", "forty, different"]
"""The sets whose variances are those of limma's model, with a prior of 4 degrees of freedom."""


def of_limma(name, call):
    """Prior df, prior variance and posterior variances of a call of squeezeVar."""
    found = SETS[name][call]
    return np.array(found["df.prior"], float), found["var.prior"], np.array(found["var.post"])


def inputs(name):
    return np.array(SETS[name]["var"], float), np.array(SETS[name]["df"], float)


def of_kohort(name):
    """The prior and the posterior variances of a set."""
    return limma_page.of_kohort(*inputs(name))


@pytest.mark.parametrize("call", ["plain", "robust"])
@pytest.mark.parametrize("name", SETS)
def test_from_limmas_prior_come_limmas_posterior_variances(name, call):
    variance, df = inputs(name)
    prior_df, prior_variance, expected = of_limma(name, call)
    # Where limma borrows without end a very large number stands for that.
    borrowed = np.minimum(prior_df, 1e15)

    found, degrees = shrunk(variance, df, prior_variance, borrowed)

    assert found == pytest.approx(expected, rel=1e-12)
    assert degrees == pytest.approx(df + borrowed)


@pytest.mark.parametrize("name", FINITE)
def test_a_prior_variance_has_limmas_bias(name):
    # fitFDist: log s0^2 is the mean of log s^2, less what that misses with its own degrees of
    # freedom, and with what a prior of so many misses (Smyth 2004, section 6.2).
    variance, df = inputs(name)
    unbiased = np.exp(np.mean(np.log(variance / bias(df))))

    fit = SETS[name]["fit"]
    assert fit["scale"] == pytest.approx(unbiased * bias(fit["df2"]), rel=1e-12)


@pytest.mark.parametrize("name", DIFFERENT)
def test_of_variances_of_limmas_model_the_priors_degrees_are_near_limmas(name):
    found = of_kohort(name)[0]
    limmas = of_limma(name, "plain")[0]

    assert 0.8 < found.alike / limmas < 1.25
    # By design: a variance that is drawn too high decides too little.
    assert 1.1 < found.variance / of_limma(name, "plain")[1] < 1.4


@pytest.mark.parametrize(("name", "most"), [("alike", 12.0), ("forty, alike", 20.7)])
def test_where_limma_borrows_without_end_kohort_borrows_what_few_variants_show(name, most):
    found, posterior = of_kohort(name)

    assert found.variance == pytest.approx(of_limma(name, "plain")[1], rel=0.1)
    assert (np.sort(posterior) == posterior).all()
    # A variance as large as expected is trusted to four fifths.
    assert 0.7 * most < found.df.max() < 0.8 * most


@pytest.mark.parametrize("name", ["alike, and one of 40", "39 alike, and one of 40"])
def test_an_outlier_borrows_nothing_while_limma_may_draw_it_in(name):
    variance, _ = inputs(name)
    posterior = of_kohort(name)[1]

    assert posterior[-1] == pytest.approx(variance[-1], rel=1e-3)
    assert of_limma(name, "plain")[2][-1] < 0.7 * variance[-1]


def test_the_page_has_each_set_and_limmas_numbers():
    told = limma_page.beside_limma()
    assert limma_page.TOLD.keys() == SETS.keys()
    assert "limma 3.62.2" in told
    row = next(line for line in told.splitlines() if line.startswith("| 39 alike"))
    # squeezeVar, its robust form, and kohort, as the cells have them.
    assert "| 6.5 / 0.4 to 123.8 / 0.0 to " in row
    assert "| 0.94 / 1.03 / " in row
    assert "| 40.00: 15.81 / 36.70 / 40.00 |" in row
