"""Describes everything in a model that tracing its steps can read, except the numbers of its state.

Replicates of a variant differ in what depends on their seeds. Mostly that is the state (weights,
seeds of dropout), which is an input of a trace. But a build function may also draw a rate or a
penalty, and the configuration of a model does not show all of these (a delta in a loss function, an
attribute that was set later). So the description is made from the objects in memory: every object
that can be reached from the model, with its type and its values. Models with equal descriptions
have equal traces, and only one of them is traced: a description takes a fourth to a sixth of the
time.

This holds if a trace runs only code of Keras, JAX and NumPy, and if their modules and classes are
not changed meanwhile. If a class or a function comes from elsewhere, or if the contents of an
object cannot be read, there is no description.
"""

import enum
import functools
import hashlib
import inspect
import os
import re
import struct
import sys
import types
import weakref
from collections import OrderedDict, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import keras
import numpy as np

from kohort.keras_api.models import variables_of


class Description:
    """Tokens that are equal where models are alike.

    Args:
        tokens: The tokens.
    """

    __slots__ = ("_hash", "_tokens")

    def __init__(self, tokens: tuple[Any, ...]) -> None:
        # Tuples do not keep their hash, and there are thousands of tokens.
        self._tokens, self._hash = tokens, hash(tokens)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Description):
            return NotImplemented
        return self._hash == other._hash and self._tokens == other._tokens


_PACKAGES = tuple(f"{Path(str(p.__file__)).parent}{os.sep}" for p in (keras, jax, np))
_PLAIN = (int, float, complex, str, bytes, bool, type(None), types.EllipsisType, inspect.Signature)
_LOCKS = ("lock", "RLock", "_RLock")
_NO_SLOTS = ("__dict__", "__weakref__")
_OPEN = (object, dict, list, tuple, set, frozenset, defaultdict, OrderedDict, functools.partial)
"""Types in C whose contents are walked."""
_WORD = struct.calcsize("P")
_MOST = 1_000_000  # tokens; a larger walk has left the model

# Attributes with seeds that are used only to create the state, never in a step.
_SEEDS: dict[type, tuple[str, ...]] = {
    keras.random.SeedGenerator: ("_initial_seed",),
    keras.initializers.VarianceScaling: ("seed", "_init_seed"),
    keras.initializers.RandomNormal: ("seed", "_init_seed"),
    keras.initializers.RandomUniform: ("seed", "_init_seed"),
    keras.initializers.TruncatedNormal: ("seed", "_init_seed"),
    keras.initializers.Orthogonal: ("seed", "_init_seed"),
}
_OF_STATE = ("_value", "_initializer")
_OF_TRAINING = ("history", "stop_training", "_initial_epoch")
"""Attributes of a model that `fit` and callbacks set, and no step of Keras reads."""
_SHORTEST_ADDRESS = 9
_ADDRESS = re.compile(rf"\d{{{_SHORTEST_ADDRESS},}}")  # in names that Keras gives nodes of a graph


class _UnknownError(Exception):
    """An object that is reached from a model cannot be described."""


def described(model: keras.Model) -> Description | None:
    """The description of a prepared model; None if there is none.

    Args:
        model: Compiled and prepared. Describe it before its steps are traced: tracing changes it.
    """
    try:
        return _Walk(model).description()
    except Exception:  # an object may raise anything when its contents are read
        return None


class _Kind(NamedTuple):
    """The facts about a type that decide how its objects are described."""

    is_value: bool
    may_have_a_name: bool
    is_of_a_library: bool
    is_lock: bool
    hides: bool
    slots: tuple[str, ...]
    seeds: tuple[str, ...]

    @classmethod
    def of(cls, kind: type) -> "_Kind":
        is_method, is_called = issubclass(kind, types.MethodType), "__call__" in dir(kind)
        slots = [base.__dict__.get("__slots__", ()) for base in kind.__mro__]
        names = [name for s in slots for name in ((s,) if isinstance(s, str) else s)]
        return cls(
            kind in _PLAIN or issubclass(kind, enum.Enum | np.dtype | np.generic),
            issubclass(kind, types.ModuleType | type) or (is_called and not is_method),
            _is_static(kind) or _is_named_tuple(kind),
            kind.__name__ in _LOCKS and kind.__module__ in ("_thread", "threading"),
            _hides(kind, names),
            tuple(name for name in names if name not in _NO_SLOTS),
            next((names for seeded, names in _SEEDS.items() if issubclass(kind, seeded)), ()),
        )


_kind_of = functools.lru_cache(4096)(_Kind.of)


class _Walk:
    """One walk over all objects that can be reached from a model, in a fixed order."""

    def __init__(self, model: keras.Model) -> None:
        self._model = model
        self._state = {id(v) for part in variables_of(model) for v in part}
        self._numbers: dict[int, int] = {}
        self._reached: list[Any] = []  # kept, so that no other object takes an address
        self._left: list[Any] = [model]
        self._tokens: list[Any] = []
        self._with_addresses: list[int] = []  # places of tokens that may hold some

    def description(self) -> Description:
        left, tokens = self._left, self._tokens
        while left:
            item = left.pop()
            if type(item) is str:  # Most are names of attributes.
                if len(item) >= _SHORTEST_ADDRESS:
                    self._with_addresses.append(len(tokens))
                tokens.append(_text(item))
            else:
                self._visit(item)
            if len(tokens) > _MOST:
                raise _UnknownError(len(tokens))
        # Keras stores addresses, such as those of variables in an optimizer. They are replaced by
        # the numbers of the objects.
        for place in self._with_addresses:
            self._tokens[place] = self._as_number(self._tokens[place])
        return Description(tuple(self._tokens))

    def _as_number(self, token: Any) -> Any:
        if isinstance(token, frozenset):
            return frozenset(map(self._as_number, token))
        kind, value = token
        if kind not in (int, str):
            return token
        if kind is int:
            return ("object", self._numbers[value]) if value in self._numbers else token
        return kind, _ADDRESS.sub(self._numbered, value)

    def _numbered(self, found: re.Match[str]) -> str:
        number = self._numbers.get(int(found[0]))
        return found[0] if number is None else f"object {number}"

    def _visit(self, item: Any) -> None:
        kind = _kind_of(type(item))  # type: ignore[arg-type]  # types are hashable
        if kind.is_value:
            token = _CONSTANTS[item] if item is None or type(item) is bool else _value(item)
            if token[0] is int:
                self._with_addresses.append(len(self._tokens))
            self._tokens.append(token)
        elif id(item) in self._numbers:
            self._tokens.append(("object", self._numbers[id(item)]))
        elif kind.may_have_a_name and _is_static(item):
            self._tokens.append(("static", item))
        else:
            self._numbers[id(item)] = len(self._numbers)
            self._reached.append(item)
            self._tokens.append(type(item))
            self._left += reversed(list(self._parts(item, kind)))

    def _parts(self, item: Any, kind: _Kind) -> Iterator[Any]:
        """The contents of an object, in a fixed order."""
        if isinstance(item, types.FunctionType):
            yield from _function_parts(item)
        elif isinstance(item, types.MethodType):
            yield from (item.__func__, item.__self__)
        elif isinstance(item, weakref.ref):
            yield item()
        elif type(item) is np.ndarray or isinstance(item, jax.Array):
            self._tokens.append(_array(item))
        elif not kind.is_lock:
            if not kind.is_of_a_library or kind.hides or isinstance(item, type):
                raise _UnknownError(type(item))
            yield from self._content(item, kind)
            yield from self._attributes(item, kind)

    def _content(self, item: Any, kind: _Kind) -> Iterator[Any]:
        if isinstance(item, functools.partial):
            yield from (item.func, item.args, item.keywords)
        elif isinstance(item, dict):
            self._tokens.append(len(item))
            yield item.default_factory if isinstance(item, defaultdict) else None
            for key, value in item.items():
                yield from (key, value)
        elif isinstance(item, list | tuple):
            self._tokens.append(len(item))
            yield from item
        elif isinstance(item, set | frozenset):
            if not all(type(part) in _PLAIN for part in item):
                raise _UnknownError(type(item))
            self._with_addresses.append(len(self._tokens))
            self._tokens.append(frozenset(map(_value, item)))
        elif isinstance(item, _PLAIN) or not (hasattr(item, "__dict__") or kind.slots):
            raise _UnknownError(type(item))

    def _attributes(self, item: Any, kind: _Kind) -> Iterator[Any]:
        hidden, shown = kind.seeds, getattr(item, "__dict__", {})
        if item is self._model:
            hidden += _OF_TRAINING
        if id(item) in self._state:
            hidden += _OF_STATE
            self._tokens.append((tuple(item.shape), str(item.dtype)))
        if kind.slots:
            of_slots = {name: getattr(item, name) for name in kind.slots if hasattr(item, name)}
            shown = shown | of_slots
        if hidden:
            shown = {name: value for name, value in shown.items() if name not in hidden}
        self._tokens.append(len(shown))
        for name, value in shown.items():
            yield from (name, value)


@functools.lru_cache(1 << 16)
def _text(item: str) -> Any:
    return _value(item)


def _value(item: Any) -> Any:
    """A token for an immutable value, which differs between types and between bits."""
    if type(item) is int:
        return int, item
    text = repr(item)
    if " at 0x" in text:
        raise _UnknownError(type(item))
    return type(item), text


_CONSTANTS = {constant: _value(constant) for constant in (None, True, False)}


def _array(item: Any) -> Any:
    array = np.asarray(item)
    if array.dtype.hasobject:
        raise _UnknownError(type(item))
    # JAX's numbers that were Python's (weak types) take the dtype of what they meet.
    is_weak = bool(getattr(item, "weak_type", False))
    return str(array.dtype), array.shape, is_weak, hashlib.sha256(array.tobytes()).digest()


def _function_parts(function: types.FunctionType) -> Iterator[Any]:
    code = function.__code__
    if not code.co_filename.startswith(_PACKAGES):
        raise _UnknownError(function)
    yield from (code.co_filename, code.co_firstlineno, code.co_qualname)
    yield from (function.__defaults__, function.__kwdefaults__, function.__dict__)
    yield [cell.cell_contents for cell in function.__closure__ or ()]


def _is_static(item: Any) -> bool:
    """Whether an object is found under its name in a module of Keras, JAX, NumPy or Python."""
    if isinstance(item, types.ModuleType):
        return _is_library(item)
    module = sys.modules.get(str(getattr(item, "__module__", None)))
    found: Any = module
    for name in str(getattr(item, "__qualname__", "")).split("."):
        found = getattr(found, name, None)
    return found is item and module is not None and _is_library(module)


def _hides(kind: type, slots: Sequence[str]) -> bool:
    """Whether an object of a type may hold what no attribute shows.

    One in C has room in it for more than its attributes; and Python renames slots whose names begin
    with two underscores.
    """
    walked = max(base.__basicsize__ for base in kind.__mro__ if base in _OPEN)
    # Beside the slots there may be the places of __dict__ and of __weakref__.
    room = kind.__basicsize__ - walked - _WORD * (len(slots) + len(_NO_SLOTS))
    return room > 0 or any(name.startswith("__") and name not in _NO_SLOTS for name in slots)


def _is_named_tuple(kind: type) -> bool:
    """Whether a type is a named tuple of a library."""
    module = sys.modules.get(kind.__module__)
    is_named = issubclass(kind, tuple) and hasattr(kind, "_fields")
    return is_named and module is not None and _is_library(module)


@functools.lru_cache(1024)
def _is_library(module: types.ModuleType) -> bool:
    file = getattr(module, "__file__", None)
    if file is None:
        return module.__name__ in sys.builtin_module_names
    is_of_python = module.__name__.partition(".")[0] in sys.stdlib_module_names
    return is_of_python or str(file).startswith(_PACKAGES)
