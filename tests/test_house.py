"""The layout of the package: small folders and modules, and no name twice."""

import ast
from collections import defaultdict
from pathlib import Path

import pytest

import kohort

ROOT = Path(kohort.__file__).parent
ROOT_MODULES = {"__init__", "__main__", "errors", "fit", "member", "result", "search", "study"}
MOST_LINES = 350
MOST_MODULES = 12
NAME = "own"


def modules(root):
    return sorted(root.rglob("*.py"))


def strange_in_root(root):
    return sorted({path.stem for path in root.glob("*.py")} - ROOT_MODULES)


def lines(path):
    return len(path.read_text(encoding="utf-8").splitlines())


def long_modules(root):
    return [path.relative_to(root).as_posix() for path in modules(root) if lines(path) > MOST_LINES]


def full_folders(root):
    names = defaultdict(set)
    for path in modules(root):
        if path.stem != "__init__":
            names[str(path.parent.relative_to(root))].add(path.stem)
    return sorted(folder for folder, stems in names.items() if len(stems) > MOST_MODULES)


def modules_of_one_name(root):
    folders = defaultdict(set)
    for path in modules(root):
        if not path.stem.startswith("__"):
            folders[path.stem].add(str(path.parent.relative_to(root)))
    return sorted(name for name, parents in folders.items() if len(parents) > 1)


def types_of_one_name(root):
    places = defaultdict(list)
    for path in modules(root):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            name = (
                node.name.id if isinstance(node, ast.TypeAlias)
                else node.name if isinstance(node, ast.ClassDef)
                else "_"
            )  # fmt: skip
            if not name.startswith("_"):
                places[name].append(path)
    return sorted(name for name, paths in places.items() if len(paths) > 1)


def variables_named_own(root):
    return [
        f"{path.relative_to(root).as_posix()}:{node.lineno}"
        for path in modules(root)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (isinstance(node, ast.Name) and node.id == NAME)
        or (isinstance(node, ast.arg | ast.keyword) and node.arg == NAME)
        or (isinstance(node, ast.Attribute) and node.attr == NAME)
    ]


CHECKS = {
    "only what users call is in the root": strange_in_root,
    "modules are short": long_modules,
    "folders are small": full_folders,
    "no two modules have one name": modules_of_one_name,
    "no two public types have one name": types_of_one_name,
    "a variable says whose it is": variables_named_own,
}


@pytest.mark.long
@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
def test_the_package_is_in_order(check):
    assert check(ROOT) == []


DISORDERS = {
    "a module in the root": ({"helpers.py": ""}, strange_in_root, ["helpers"]),
    "a long module": ({"a/b.py": "\n" * 351}, long_modules, ["a/b.py"]),
    "a full folder": ({f"a/m{n}.py": "" for n in range(13)}, full_folders, ["a"]),
    "two modules": ({"a/b.py": "", "c/d/b.py": ""}, modules_of_one_name, ["b"]),
    "two classes": (
        {"a/b.py": "class Twice: ...", "a/c.py": "class Twice: ..."}, types_of_one_name, ["Twice"],
    ),
    "a class and a type": (
        {"a/b.py": "class Twice: ...", "c/d.py": "type Twice = int"}, types_of_one_name, ["Twice"],
    ),
    "a variable": ({"a/b.py": "own = 1"}, variables_named_own, ["a/b.py:1"]),
    "a variable of a loop": ({"a/b.py": "for own in (): ..."}, variables_named_own, ["a/b.py:1"]),
    "a parameter": ({"a/b.py": "def f(own): ..."}, variables_named_own, ["a/b.py:1"]),
}  # fmt: skip


@pytest.mark.parametrize(("files", "check", "found"), DISORDERS.values(), ids=DISORDERS)
def test_each_disorder_is_found(files, check, found, tmp_path):
    for name, text in {
        "__init__.py": "",
        "errors.py": "",
        "a/__init__.py": "",
    }.items() | files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert check(tmp_path) == found
    assert [other(tmp_path) for other in CHECKS.values() if other is not check] == [[]] * 5


def test_at_the_limits_nothing_is_found(tmp_path):
    (tmp_path / "a").mkdir()
    for number in range(MOST_MODULES):
        text = "class _Own: ...\n" + "\n" * (MOST_LINES - 1)
        (tmp_path / "a" / f"m{number}.py").write_text(text)
    assert [check(tmp_path) for check in CHECKS.values()] == [[]] * 6
