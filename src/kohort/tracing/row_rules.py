"""Operations whose first rows are those of the same operation on fewer rows.

A batch that is filled up with rows of others gives the numbers of the smaller batch where each
operation of a step keeps rows apart, or sums over them: then rows that do not count must be zero.
Each rule here says so of a kind of operation. What has no rule is not known to be so.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax


class BatchAxis(NamedTuple):
    """The axis of an array along which a full and a partial batch differ.

    Args:
        axis: The axis.
        full: Its size for a full batch.
        partial: Its size for a partial batch: so many of the first rows count.
    """

    axis: int
    full: int
    partial: int


class UnknownError(Exception):
    """An operation is not known to give the numbers of a partial batch."""


class Use(NamedTuple):
    """How an equation uses rows.

    Args:
        parameters: Of the equation for a full batch.
        shapes: Of its inputs.
        dtypes: Likewise.
        inputs: BatchAxis of each input; None where a batch's size does not show.
        outputs: Likewise.
        given: The shapes of its outputs.
    """

    parameters: Mapping[str, Any]
    shapes: Sequence[tuple[int, ...]]
    dtypes: Sequence[Any]
    inputs: Sequence[BatchAxis | None]
    outputs: Sequence[BatchAxis | None]
    given: Sequence[tuple[int, ...]]

    def rows(self, place: int) -> BatchAxis:
        """The rows of an input."""
        return _known(self.inputs[place])

    @property
    def first(self) -> BatchAxis:
        """The rows of the first input."""
        return _known(self.inputs[0])

    @property
    def output(self) -> BatchAxis:
        """The rows of the first output."""
        return _known(self.outputs[0])


type Masks = tuple[int, ...]
"""The inputs of which the rows that do not count must be zero."""


def masks_of(name: str, use: Use) -> Masks:
    """Which inputs of an equation to mask, so that it computes what a partial batch would give.

    Args:
        name: Of its operation.
        use: How it uses rows, along which some of its inputs or outputs differ.

    Raises:
        UnknownError: It may compute something else.
    """
    if name in _ONE_BY_ONE:
        expect(all(rows in (None, use.output) for rows in use.inputs))
        return ()
    if name not in _RULES:
        raise UnknownError(name)
    return _RULES[name](use)


def expect(condition: object) -> None:
    """Refuse an operation unless a condition holds.

    Raises:
        UnknownError: It does not.
    """
    if not condition:
        raise UnknownError


def _known(rows: BatchAxis | None) -> BatchAxis:
    if rows is None:
        raise UnknownError
    return rows


def _is_first(shape: tuple[int, ...], rows: BatchAxis) -> bool:
    """Whether the rows that count are the first numbers of the flat array."""
    return math.prod(shape[: rows.axis]) == 1


def _broadcast(use: Use) -> Masks:
    rows, output = use.inputs[0], use.output
    places = use.parameters["broadcast_dimensions"]
    expect(rows is None or places[rows.axis] == output.axis)
    # An input without rows is repeated along them.
    expect(rows is not None or output.axis not in places or _spans_one(use, output.axis))
    return ()


def _spans_one(use: Use, axis: int) -> bool:
    return use.shapes[0][tuple(use.parameters["broadcast_dimensions"]).index(axis)] == 1


def _reshaped(use: Use) -> Masks:
    before, after = use.shapes[0], use.given[0]
    start, end = use.first.axis, use.output.axis
    stays = math.prod(before[:start]) == math.prod(after[:end]) and before[start] == after[end]
    expect(
        stays or (_is_first(before, use.first) and _is_first(after, use.output)),
    )
    return ()


def _transposed(use: Use) -> Masks:
    expect(use.parameters["permutation"][use.output.axis] == use.first.axis)
    return ()


def _squeezed(use: Use) -> Masks:
    gone = use.parameters["dimensions"]
    expect(use.first.axis not in gone)
    expect(use.output.axis == use.first.axis - sum(axis < use.first.axis for axis in gone))
    return ()


def _reduced(use: Use) -> Masks:
    """Of several rows the numbers stay apart."""
    axes, axis = use.parameters["axes"], use.first.axis
    expect(axis not in axes)
    expect(use.output.axis == axis - sum(other < axis for other in axes))
    return ()


def _summed(use: Use) -> Masks:
    if use.first.axis not in use.parameters["axes"]:
        return _reduced(use)
    expect(use.outputs[0] is None)
    return (0,)


def _along(*names: str) -> Callable[[Use], Masks]:
    """The rule of what works along axes, named by these parameters, other than that of rows."""

    def rule(use: Use) -> Masks:
        for name in names:
            axes = use.parameters[name]
            expect(use.output.axis not in (axes if isinstance(axes, tuple) else (axes,)))
        expect(all(rows == use.output for rows in (*use.inputs, *use.outputs)))
        return ()

    return rule


def _padded(use: Use) -> Masks:
    expect(use.parameters["padding_config"][use.first.axis] == (0, 0, 0))
    expect(use.inputs == [use.output, None])
    return ()


def _sliced(use: Use) -> Masks:
    axis, strides = use.first.axis, use.parameters["strides"]
    expect(use.parameters["start_indices"][axis] == 0 and use.first == use.output)
    expect(strides is None or strides[axis] == 1)
    return ()


def _counted(use: Use) -> Masks:
    """Of numbers that count places along an axis."""
    expect(use.outputs[0])
    return ()


def _drawn(use: Use) -> Masks:
    # JAX's default generator computes a number from its place in the flat array alone.
    expect(str(use.dtypes[0]) == "key<fry>" and use.shapes[0] == ())
    expect(_is_first(use.given[0], use.output) and jax.config.jax_threefry_partitionable)
    return ()


def _product(use: Use) -> Masks:
    contracted, batched = use.parameters["dimension_numbers"]
    kinds = [_kind_of_axis(use, side, contracted[side], batched[side]) for side in (0, 1)]
    expect(None in kinds or kinds[0] == kinds[1])
    kind, place = next(kind for kind in kinds if kind is not None)
    if kind == "contracted":
        expect(None not in kinds and use.outputs[0] is None)
        return (0, 1)
    if kind == "batched":
        expect(None not in kinds and use.output.axis == place)
        return ()
    expect(None in kinds)
    others = len(batched[0])
    if kinds[0] is None:
        others += len(use.shapes[0]) - len(batched[0]) - len(contracted[0])
    expect(use.output.axis == others + place)
    return ()


def _kind_of_axis(
    use: Use, side: int, contracted: Sequence[int], batched: Sequence[int]
) -> tuple[str, int] | None:
    """What a product does with the axis of rows of a side, and its place among such axes."""
    rows = use.inputs[side]
    if rows is None:
        return None
    for name, axes in (("contracted", contracted), ("batched", batched)):
        if rows.axis in axes:
            return name, list(axes).index(rows.axis)
    return "free", sum(axis not in (*contracted, *batched) for axis in range(rows.axis))


def _convolution(use: Use) -> Masks:
    images, kernels, out = use.parameters["dimension_numbers"]
    expect(use.parameters["batch_group_count"] == 1)
    if use.inputs[1] is None:
        expect(use.first.axis == images[0] and use.output.axis == out[0])
        return ()
    # The gradient of a kernel sums over images.
    expect(use.parameters["feature_group_count"] == 1 and use.outputs[0] is None)
    expect(use.first.axis == images[1] and use.inputs[1].axis == kernels[1])
    return (0, 1)


def _windowed(use: Use) -> Masks:
    axis, told = use.output.axis, use.parameters
    expect(all(rows == use.output for rows in use.inputs))
    expect(told["window_dimensions"][axis] == told["window_strides"][axis] == 1)
    expect(told["padding"][axis] == (0, 0) and told.get("base_dilation", {axis: 1})[axis] == 1)
    return ()


def _gathered(use: Use) -> Masks:
    rows, numbers = use.inputs[1], use.parameters["dimension_numbers"]
    expect(use.inputs[0] is None and rows is not None and not numbers.operand_batching_dims)
    batch = [axis for axis in range(len(use.given[0])) if axis not in numbers.offset_dims]
    # The last axis of the places numbers the axes of the operand.
    expect(rows is not None and batch[rows.axis : rows.axis + 1] == [use.output.axis])
    return ()


def _scattered(use: Use) -> Masks:
    target, places, updates = use.inputs
    numbers = use.parameters["dimension_numbers"]
    expect(target is None and use.outputs[0] is None and not numbers.operand_batching_dims)
    windows = numbers.update_window_dims
    batch = [axis for axis in range(len(use.shapes[2])) if axis not in windows]
    axis = _known(places).axis
    expect(batch[axis : axis + 1] == [_known(updates).axis])
    return (1, 2)


# Each number of the output depends on the numbers at its place alone.
_ONE_BY_ONE = frozenset(
    """
    abs acos acosh add add_any and asin asinh atan atan2 atanh bessel_i0e bessel_i1e
    bitcast_convert_type cbrt ceil clamp convert_element_type copy copy_p cos cosh digamma div
    eq erf erf_inv erfc exp exp2 expm1 floor ge gt igamma igammac integer_pow is_finite le
    lgamma log log1p logistic lt max min mul ne neg nextafter not one_minus_square or polygamma
    pow reduce_precision rem round rsqrt select_n shift_left shift_right_arithmetic
    shift_right_logical sign sin sinh sqrt square stop_gradient sub tan tanh xor zeta
    """.split()  # noqa: SIM905 (a list has a line for each)
)

_RULES: dict[str, Callable[[Use], Masks]] = {
    "argmax": _reduced,
    "argmin": _reduced,
    "broadcast_in_dim": _broadcast,
    "concatenate": _along("dimension"),
    "conv_general_dilated": _convolution,
    "cumlogsumexp": _along("axis"),
    "cummax": _along("axis"),
    "cumprod": _along("axis"),
    "cumsum": _along("axis"),
    "dot_general": _product,
    "gather": _gathered,
    "iota": _counted,
    "pad": _padded,
    "random_bits": _drawn,
    "reduce_and": _reduced,
    "reduce_max": _reduced,
    "reduce_min": _reduced,
    "reduce_or": _reduced,
    "reduce_prod": _reduced,
    "reduce_sum": _summed,
    "reduce_window_max": _windowed,
    "reduce_window_sum": _windowed,
    "reshape": _reshaped,
    "rev": _along("dimensions"),
    "scatter-add": _scattered,
    "select_and_gather_add": _windowed,
    "select_and_scatter_add": _windowed,
    "slice": _sliced,
    "sort": _along("dimension"),
    "split": _along("axis"),
    "squeeze": _squeezed,
    "transpose": _transposed,
}
