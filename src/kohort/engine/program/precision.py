"""Sets the precision of products of float32 matrices."""

from contextlib import AbstractContextManager, nullcontext
from typing import Literal, get_args

import jax

from kohort.errors import check_choice

type Precision = Literal["float32", "tensorfloat32", "bfloat16"] | None

_CHOICES = get_args(get_args(Precision.__value__)[0])


def matmul_precision(precision: Precision) -> AbstractContextManager[object]:
    """A context in which programs are traced and compiled with this precision.

    Args:
        precision: Of products of float32 matrices; None for JAX's default, which Keras uses.

    Raises:
        DesignError: There is no such precision.
    """
    if precision is None:
        return nullcontext()
    check_choice("precision", precision, _CHOICES)
    chosen: AbstractContextManager[object] = jax.default_matmul_precision(precision)
    return chosen
