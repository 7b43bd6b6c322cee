"""kohort trains a set of Keras models at once, in paired replicates, and tells what it found.

Importing it sets Keras's backend to JAX where nothing else was chosen (the environment variable
KERAS_BACKEND, or Keras imported before); it changes nothing else.
"""

import os
import sys
from typing import TYPE_CHECKING, Any

if "keras" not in sys.modules:
    os.environ.setdefault("KERAS_BACKEND", "jax")

if TYPE_CHECKING:
    from kohort.data.dataset import Dataset
    from kohort.data.load import load
    from kohort.design.races import Race
    from kohort.design.replicates import Holdout, KFold
    from kohort.design.variants import Variant, grid
    from kohort.engine.ray_settings import Ray
    from kohort.errors import (
        DataError,
        DesignError,
        InputError,
        Interrupted,
        KohortError,
        ModelError,
        StoreError,
    )
    from kohort.fit import fit
    from kohort.keras_api.beginning.first_values import building
    from kohort.member import Ensemble, Member
    from kohort.result import Result
    from kohort.runs.loading import open  # noqa: A004 (the design's name for it)
    from kohort.study import Study

# Where each public name lives. They are imported when they are first used: `kohort.fit` then needs
# no pandas and no Altair, and `import kohort` costs no more than its own few lines.
_HOMES = {
    "DataError": "kohort.errors",
    "Dataset": "kohort.data.dataset",
    "DesignError": "kohort.errors",
    "Ensemble": "kohort.member",
    "Holdout": "kohort.design.replicates",
    "InputError": "kohort.errors",
    "Interrupted": "kohort.errors",
    "KFold": "kohort.design.replicates",
    "KohortError": "kohort.errors",
    "Member": "kohort.member",
    "ModelError": "kohort.errors",
    "Race": "kohort.design.races",
    "Range": "kohort.design.searches.number_range",
    "Ray": "kohort.engine.ray_settings",
    "Result": "kohort.result",
    "Search": "kohort.search",
    "StoreError": "kohort.errors",
    "Study": "kohort.study",
    "Variant": "kohort.design.variants",
    "building": "kohort.keras_api.beginning.first_values",
    "fit": "kohort.fit",
    "grid": "kohort.design.variants",
    "load": "kohort.data.load",
    "open": "kohort.runs.loading",
}

__all__ = [
    "DataError",
    "Dataset",
    "DesignError",
    "Ensemble",
    "Holdout",
    "InputError",
    "Interrupted",
    "KFold",
    "KohortError",
    "Member",
    "ModelError",
    "Race",
    "Range",
    "Ray",
    "Result",
    "Search",
    "StoreError",
    "Study",
    "Variant",
    "building",
    "fit",
    "grid",
    "load",
    "open",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'kohort' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
