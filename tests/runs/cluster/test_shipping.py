"""What travels to workers."""

import importlib
import inspect
import shutil
import subprocess
import sys
import tempfile
from typing import ClassVar

import fsspec
import keras
import numpy as np
import pytest
import ray
from fsspec.implementations.memory import MemoryFileSystem

from kohort.errors import DesignError
from kohort.runs.cluster import shipping

PACKAGE = {
    "__init__.py": "from shipped_package.inner import VALUE\n",
    "inner.py": "VALUE = 7\n\n\ndef told():\n    return VALUE\n",
    "deep/__init__.py": "",
    "deep/far.py": "from ..inner import told\n",
    "__pycache__/stale.py": "",
    "data.json": "{}",
}


@pytest.fixture
def packed(tmp_path, monkeypatch):
    """Modules of a package and a file that were imported, as they are shipped."""
    for name, text in PACKAGE.items():
        path = tmp_path / "shipped_package" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "shipped_file.py").write_text("NUMBER = 5\n")
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("shipped_package", "shipped_file"):
        importlib.import_module(name)
    yield shipping.modules()
    forget()


def forget():
    for name in [name for name in sys.modules if name.startswith("shipped_")]:
        del sys.modules[name]


def test_the_users_modules_are_found_and_installed_ones_are_not(packed):
    ours = {name: of for name, of in packed.items() if name.startswith("shipped_")}
    assert {name: is_package for name, (_, _, is_package) in ours.items()} == {
        "shipped_package": True,
        "shipped_package.inner": False,
        "shipped_package.deep": True,
        "shipped_package.deep.far": False,
        "shipped_file": False,
    }
    assert ours["shipped_file"][0] == "NUMBER = 5\n"
    tops = {name.partition(".")[0] for name in packed}
    assert not tops & {"kohort", "keras", "numpy", "os", "pytest", "__main__"}


@pytest.mark.long
def test_shipped_modules_are_imported_where_there_is_no_file(packed, tmp_path):
    ours = {name: of for name, of in packed.items() if name.startswith("shipped_")}
    code = (
        "import sys, inspect\n"
        "from kohort.runs.cluster.shipping import ShippedModules\n"
        f"sys.meta_path.insert(0, ShippedModules({ours!r}))\n"
        "import shipped_file\n"
        "from shipped_package.deep.far import told\n"
        "print(shipped_file.NUMBER, told(), inspect.getsource(told).splitlines()[0])\n"
    )
    for path in (tmp_path / "shipped_file.py", tmp_path / "shipped_package" / "inner.py"):
        path.unlink()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["5", "7", "def", "told():"]


def test_the_drivers_module_comes_before_another_one_of_its_name(packed, tmp_path, monkeypatch):
    (tmp_path / "shipped_file.py").write_text("NUMBER = 6\n")
    forget()
    monkeypatch.setattr(sys, "meta_path", [shipping.ShippedModules(packed), *sys.meta_path])
    assert importlib.import_module("shipped_file").NUMBER == 5
    told = importlib.import_module("shipped_package.inner").told
    assert inspect.getsource(told).startswith("def told")


def test_a_changed_module_has_another_digest(packed):
    changed = dict(packed) | {"shipped_file": ("NUMBER = 6\n", "shipped_file.py", False)}
    assert shipping.digest_of(packed) == shipping.digest_of(dict(packed))
    assert shipping.digest_of(packed) != shipping.digest_of(changed)


def test_global_settings_are_as_on_the_driver():
    before = shipping.settings()
    chosen = before | {"epsilon": 1e-5, "dtype_policy": "mixed_bfloat16", "jax_debug_nans": True}
    try:
        shipping.apply(chosen)
        assert shipping.settings() == chosen
        assert keras.config.dtype_policy().compute_dtype == "bfloat16"
    finally:
        shipping.apply(before)
    assert shipping.settings() == before


@pytest.fixture
def sent():
    """Two large arrays, one of them twice, a small one, and one of objects."""
    random = np.random.default_rng(0)
    large = random.random((400, 400))
    pixels = random.integers(0, 255, (1500, 40, 40), np.uint8)[:, ::2]
    return {
        "large": large,
        "again": large,
        "pixels": pixels,
        "small": np.arange(3),
        "names": np.array(["a", None] * 90_000, object),
    }


@pytest.fixture(params=["folder", "url"])
def place(request, tmp_path, monkeypatch):
    """A shared place; copies of what lies at a URL go to a folder of their own."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return str(tmp_path / "data") if request.param == "folder" else f"file://{tmp_path}/data"


def test_large_arrays_are_kept_in_a_shared_place_and_mapped(sent, place, tmp_path):
    packed = shipping.put_aside(ray, sent, place)
    found = shipping.taken_up(packed)

    files = (tmp_path / "data").iterdir()
    assert sorted(np.load(file).nbytes for file in files) == [1_200_000, 1_280_000]
    assert len(packed) < 1_000_000  # of the objects
    assert found.keys() == sent.keys()
    for name, array in sent.items():
        assert type(found[name]) is np.ndarray
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)
    assert found["again"] is found["large"]
    assert not found["large"].flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        found["pixels"][:] = 0


def test_what_a_shared_place_has_is_not_written_again(sent, place, tmp_path):
    first = shipping.put_aside(ray, sent, place)
    before = {file: file.stat().st_mtime_ns for file in (tmp_path / "data").iterdir()}
    other = sent | {"large": sent["large"] + 1}
    assert shipping.put_aside(ray, sent, place) == first
    assert shipping.put_aside(ray, other, place) != first
    after = {file: file.stat().st_mtime_ns for file in (tmp_path / "data").iterdir()}
    assert after.items() >= before.items()
    assert len(after) == len(before) + 1


def test_what_a_node_has_copied_is_not_fetched_again(sent, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    packed = shipping.put_aside(ray, sent, f"file://{tmp_path}/data")
    shipping.taken_up(packed)
    shutil.rmtree(tmp_path / "data")
    np.testing.assert_array_equal(shipping.taken_up(packed)["large"], sent["large"])


class Objects(MemoryFileSystem):
    """A store of objects: its paths begin with a bucket, and to make a folder makes the bucket."""

    protocol = "objects"
    store: ClassVar = {}
    pseudo_dirs: ClassVar = [""]

    @classmethod
    def _strip_protocol(cls, path):
        return path.removeprefix("objects://").strip("/")

    def makedirs(self, path, exist_ok=False):
        raise AssertionError(f"a bucket would be made for {path}")


def test_nothing_is_made_of_a_bucket_that_may_be_mistyped(sent, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    fsspec.register_implementation("objects", Objects, clobber=True)
    found = shipping.taken_up(shipping.put_aside(ray, sent, "objects://bucket/data"))
    np.testing.assert_array_equal(found["large"], sent["large"])
    assert {name.rsplit("/", 1)[0] for name in Objects.store} == {"bucket/data"}


def test_a_damaged_file_of_a_shared_place_is_told(sent, place, tmp_path):
    packed = shipping.put_aside(ray, sent, place)
    for file in (tmp_path / "data").iterdir():
        file.write_bytes(file.read_bytes()[:-1000])
    with pytest.raises(DesignError, match=r"data that can be read on .*data: ValueError"):
        shipping.taken_up(packed)


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("/dev/null/data", "NotADirectoryError"),
        ("s3://bucket/data", "s3fs"),
        ("nowhere://data", "nowhere"),
    ],
)
def test_a_shared_place_that_cannot_be_written_is_told(sent, place, why):
    with pytest.raises(DesignError, match=f"can be written on .*{place}.*{why}"):
        shipping.put_aside(ray, sent, place)


def test_a_specification_that_was_sent_whole_is_itself(sent):
    assert shipping.taken_up(sent) is sent
