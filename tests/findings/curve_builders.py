"""Curves written down by hand, and curves drawn by Hypothesis."""

import itertools
import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import strategies as st

from kohort.findings.finding import Finding, Rule
from kohort.findings.judged import StudyCurves, VariantCurves
from kohort.findings.statistics.interval import Interval
from kohort.findings.statistics.scale import Scale

CURVES = ("train_loss", "valid_loss", "train_error", "valid_error")
NOT_FINITE = (np.nan, np.inf, -np.inf)


def variant(name="v", *, train, valid, train_error=None, valid_error=None, **more):
    """A variant from one list of epochs per replicate; shorter ones are filled up with NaN.

    Where no errors are given the loss is what the variants are judged by.
    """
    lengths = np.array([len(row) for row in train])
    errors = (train_error or train, valid_error or valid)
    curves = [_table(rows, lengths.max(initial=1)) for rows in (train, valid, *errors)]
    return VariantCurves(name, *curves, lengths, **more)


def learner(name, share, *, epochs=20, start=0.9, limit=0.05, replicates=5, noise=1e-3):
    """One that has so much left to learn at each epoch, in error and in loss, and some noise.

    Args:
        name: Its name.
        share: From times, 1 at the last epoch, to what is left, 1 at time 0.
        epochs: Of each replicate.
        start: The error at time 0.
        limit: The error where nothing is left.
        replicates: How many.
        noise: Standard deviation of an error at one epoch; that of a loss is twice as much.
    """
    random = np.random.default_rng(zlib.crc32(name.encode()))
    error = limit + (start - limit) * share(np.arange(1, epochs + 1) / epochs)
    shape = (4, replicates, epochs)
    train_error, valid_error, train, valid = error + noise * random.standard_normal(shape)
    return variant(
        name,
        train=(2 * train).tolist(),
        valid=(2 * valid).tolist(),
        train_error=train_error.tolist(),
        valid_error=(0.01 + valid_error).tolist(),
    )


def study_of(errors, *, train_errors=None, names="abcdefgh", **study) -> StudyCurves:
    """A study of one epoch from validation errors `[variant, replicate]`; NaN diverged."""
    errors = np.asarray(errors, float)[..., None]
    train = errors if train_errors is None else np.asarray(train_errors, float)[..., None]
    lengths = np.ones(errors.shape[1], int)
    return StudyCurves(
        tuple(
            VariantCurves(name, 0 * error + 0.5, 0 * error + 0.5, fit, error, lengths)
            for name, error, fit in zip(names, errors, train, strict=False)
        ),
        **study,
    )


def percent_of(reference: float, metric="loss") -> Scale:
    """The scale of a metric that is no proportion, where lower is better."""
    return Scale(metric, higher_is_better=False, reference=reference)


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
    tables = {name: getattr(curves, name)[order] for name in CURVES}
    return replace(curves, **tables, lengths=curves.lengths[order])


def turns(replicates: int) -> st.SearchStrategy[list[int]]:
    """Orders that leave their circle as it is, in which some choose for others."""
    circle = list(range(replicates))
    return st.integers(0, max(0, replicates - 1)).map(lambda n: circle[n:] + circle[:n])


def scaled(curves: VariantCurves, factor: float) -> VariantCurves:
    """The same curves with all losses multiplied."""
    return replace(
        curves,
        train_loss=factor * curves.train_loss,
        valid_loss=factor * curves.valid_loss,
        untrained_loss=factor * curves.untrained_loss,
    )


def with_replicate(curves: VariantCurves, **rows) -> VariantCurves:
    """One more replicate, trained to the end; a curve that is not given is 0.5 throughout."""
    epochs = curves.train_loss.shape[1]

    def longer(name):
        table = getattr(curves, name)
        row = np.broadcast_to(np.asarray(rows.get(name, 0.5), float), (1, epochs))
        return np.concatenate([table, row])

    tables = {name: longer(name) for name in CURVES}
    return replace(curves, **tables, lengths=np.append(curves.lengths, epochs))


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
    """Any variant: replicates of unequal lengths, some diverged, some of unknown error.

    All values are multiples of 1/64, so that a sum of them is exact in every order.
    """
    if replicates is None:
        replicates = draw(st.integers(1, 5))
    if epochs is None:
        epochs = draw(st.integers(1, 8))
    lengths = draw(st.lists(st.integers(1, epochs), min_size=replicates, max_size=replicates))
    size = 4 * replicates * epochs
    # One draw of bytes takes far less time than one of each number.
    drawn = np.frombuffer(draw(st.binary(min_size=size, max_size=size)), np.uint8)
    train, valid, train_error, valid_error = drawn.reshape(4, replicates, epochs) / 64
    losses = np.array([train, valid]) + 1 / 64
    for broken in range(replicates):
        # Most replicates are sound, or the rules would have nothing to look at.
        if draw(st.integers(0, 9)) == 0:
            epoch = draw(st.integers(0, lengths[broken] - 1))
            losses[draw(st.integers(0, 1)), broken, epoch] = draw(st.sampled_from(NOT_FINITE))
    if draw(st.integers(0, 9)) == 0:
        valid_error = np.where(valid_error < 1, np.nan, valid_error)
        train_error = np.where(train_error < 1, np.nan, train_error)

    def rows(table):
        return [list(row[:length]) for row, length in zip(table, lengths, strict=True)]

    return variant(
        name,
        train=rows(losses[0]),
        valid=rows(losses[1]),
        train_error=rows(train_error),
        valid_error=rows(valid_error),
    )


@st.composite
def scored_studies(draw):
    """Studies of one epoch, of two to four variants: some far from the rest, some not whole.

    All errors are multiples of 1/64, so that a sum of them is exact in every order.
    """
    count, replicates = draw(st.integers(2, 4)), draw(st.integers(1, 6))
    drawn = draw(st.binary(min_size=count * replicates, max_size=count * replicates))
    errors = np.frombuffer(drawn, np.uint8).reshape(count, replicates) % 16 / 64
    errors = errors + [[draw(st.sampled_from([0, 0, 0.25, 4]))] for _ in range(count)]
    for number in range(count):
        if draw(st.integers(0, 5)) == 0:
            errors[number, draw(st.integers(0, replicates - 1))] = np.nan
    pairs = list(itertools.permutations(range(count), 2))
    return study_of(
        errors,
        margin=draw(st.sampled_from([0.01, 0.25, 1.0])),
        test_to_train=draw(st.sampled_from([0.0, 1 / 9])),
        additions=tuple(draw(st.lists(st.sampled_from(pairs), max_size=3, unique=True))),
    )
