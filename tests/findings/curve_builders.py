"""Curves written down by hand, and curves drawn by Hypothesis."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import strategies as st

from kohort.findings.finding import Finding, Rule, StudyCurves, VariantCurves
from kohort.findings.interval import Interval

CURVES = ("train_loss", "valid_loss", "train_error", "valid_error")


def variant(name="v", *, train, valid, train_error=None, valid_error=None):
    """A variant from one list of epochs per replicate; shorter ones are filled up with NaN."""
    lengths = np.array([len(row) for row in train])
    curves = [
        None if rows is None else _table(rows, lengths.max())
        for rows in (train, valid, train_error, valid_error)
    ]
    return VariantCurves(name, *curves, lengths)


def _table(rows, epochs):
    table = np.full((len(rows), epochs), np.nan)
    for row, values in zip(table, rows, strict=True):
        row[: len(values)] = values
    return table


def judge(rule: Rule, curves: VariantCurves, *others: VariantCurves, **study) -> Finding:
    """What a rule says of a variant in a study with others."""
    return rule.judge(curves, StudyCurves((curves, *others), **study))


def reordered(curves: VariantCurves, order) -> VariantCurves:
    """The same replicates in another order."""
    return _mapped(curves, lambda table: table[order], lengths=curves.lengths[order])


def scaled(curves: VariantCurves, factor: float) -> VariantCurves:
    """The same curves with all losses multiplied."""
    return replace(
        curves, train_loss=factor * curves.train_loss, valid_loss=factor * curves.valid_loss
    )


def with_replicate(curves: VariantCurves, **rows) -> VariantCurves:
    """One more replicate, trained to the end; a curve that is not given is 0.5 throughout."""
    epochs = curves.train_loss.shape[1]

    def longer(name):
        table = getattr(curves, name)
        row = np.broadcast_to(np.asarray(rows.get(name, 0.5), float), (1, epochs))
        return None if table is None else np.concatenate([table, row])

    return VariantCurves(curves.name, *map(longer, CURVES), np.append(curves.lengths, epochs))


def _mapped(curves, change, **changes):
    tables = {name: getattr(curves, name) for name in CURVES}
    changed = {name: None if t is None else change(t) for name, t in tables.items()}
    return replace(curves, **changed, **changes)


def assert_same(one: Finding, other: Finding) -> None:
    """Same verdict on the same evidence, up to rounding."""
    assert one.verdict == other.verdict
    assert one.evidence.keys() == other.evidence.keys()
    for name, value in one.evidence.items():
        assert numbers(value) == pytest.approx(numbers(other.evidence[name]), nan_ok=True)


def numbers(value) -> list[float]:
    """An item of evidence as plain numbers."""
    if isinstance(value, Interval):
        return [value.mean, value.low, value.high, value.n, value.p_value]
    return [value]


@st.composite
def variants(draw, name="v", replicates=None, epochs=None):
    """Any variant: replicates of unequal lengths, some diverged.

    All values are multiples of 1/64, so that a sum of them is exact in every order.
    """
    if replicates is None:
        replicates = draw(st.integers(1, 5))
    if epochs is None:
        epochs = draw(st.integers(1, 8))
    lengths = draw(st.lists(st.integers(1, epochs), min_size=replicates, max_size=replicates))
    losses = st.integers(1, 256).map(lambda n: n / 64) | st.sampled_from([np.nan, np.inf])
    finite = st.integers(1, 256).map(lambda n: n / 64)
    errors = st.integers(0, 64).map(lambda n: n / 64)
    # Most replicates are sound, or the rules would have nothing to look at.
    kinds = [losses if draw(st.integers(0, 9)) == 0 else finite for _ in lengths]

    def rows(of):
        return [draw(st.lists(k, min_size=n, max_size=n)) for k, n in zip(of, lengths, strict=True)]

    return variant(
        name,
        train=rows(kinds),
        valid=rows(kinds),
        train_error=rows([errors] * replicates),
        valid_error=rows([errors] * replicates),
    )
