"""The cache folder: a second process compiles nothing, and no damage to it matters."""

import json
import os
import subprocess
import sys
from pathlib import Path

import jax
import pytest
from jax.experimental.compilation_cache import compilation_cache

import kohort
from kohort.engine.program import cache
from kohort.engine.program.compilation import PROGRAMS
from tests.models import seeded

SCRIPT = """
import collections, json, sys
import kohort, jax, keras, numpy as np
seen = collections.Counter()
jax.monitoring.register_event_listener(lambda event, **_: seen.update([event.split("/")[-1]]))
before = jax.config.jax_compilation_cache_dir

def build(l2, rate, dropout):
    keras.utils.set_random_seed(0)
    layers = [
        keras.layers.Dense(8, "relu", kernel_regularizer=keras.regularizers.L2(l2)),
        keras.layers.Dropout(dropout),
        keras.layers.Dense(3, "softmax"),
    ]
    model = keras.Sequential([keras.Input((5,)), *layers])
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy")
    return model

random = np.random.default_rng(0)
x, y = random.normal(size=(100, 5)), np.arange(100) % 3
models = [build(l2, rate, dropout)
          for l2 in (1e-1, 1e-2, 1e-3, 1e-4)
          for rate in (1e-1, 1e-2, 1e-3, 1e-4)
          for dropout in (0.1, 0.2, 0.3, 0.5)][:int(sys.argv[1])]
from kohort.engine.program.compilation import recorded_compilations
with recorded_compilations() as compiled:
    histories = kohort.fit(models, x, y, epochs=2, validation_split=0.2, verbose=0)
print(json.dumps({
    "models": len(models),
    "programs": len(compiled),
    "hits": seen["cache_hits"],
    "misses": seen["cache_misses"],
    "loss": [history.history["val_loss"][-1] for history in histories],
    "config unchanged": jax.config.jax_compilation_cache_dir == before,
}))
"""


STUDY = """
import collections, json
import kohort, jax, keras, numpy as np
seen = collections.Counter()
jax.monitoring.register_event_listener(lambda event, **_: seen.update([event.split("/")[-1]]))
before = jax.config.jax_compilation_cache_dir

def build():
    model = keras.Sequential(
        [keras.Input((5,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(3, "softmax")]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model

random = np.random.default_rng(0)
x, y = random.normal(size=(100, 5)), np.arange(100) % 3
data = kohort.Dataset(x, y, x[:9] + 1, y[:9])
holdout = kohort.Holdout(0.2, repeats=2)
study = kohort.Study("small", [kohort.Variant("one", build)], data, replicates=holdout, epochs=2)
result = study.run(None, verbose=0)
print(json.dumps({
    "hits": seen["cache_hits"],
    "misses": seen["cache_misses"],
    "loss": list(result.curves().value),
    "config unchanged": jax.config.jax_compilation_cache_dir == before,
}))
"""


def run(folder, models=4, script=SCRIPT):
    environment = os.environ | {"KOHORT_CACHE": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", script, str(models)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "compilation cache" not in done.stderr
    return json.loads(done.stdout)


@pytest.mark.long
def test_a_second_run_of_a_study_compiles_nothing_not_even_to_build_its_models(tmp_path):
    first, second = run(tmp_path, script=STUDY), run(tmp_path, script=STUDY)
    assert first["misses"] > 10
    assert (second["misses"], second["hits"]) == (0, first["hits"] + first["misses"])
    assert second["loss"] == first["loss"]
    assert second["config unchanged"]


@pytest.mark.long
def test_64_members_are_one_program_and_a_second_process_compiles_nothing(tmp_path):
    first = run(tmp_path, models=64)
    assert (first["models"], first["programs"]) == (64, 1)
    assert first["misses"] == 1
    assert first["hits"] == 0
    assert first["config unchanged"]
    second = run(tmp_path, models=64)
    assert (second["programs"], second["misses"], second["hits"]) == (1, 0, 1)
    assert second["loss"] == first["loss"]


@pytest.mark.long
def test_a_damaged_cache_is_as_good_as_none(tmp_path):
    whole = run(tmp_path)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert run(tmp_path)["loss"] == whole["loss"]


@pytest.mark.long
def test_the_cache_can_be_switched_off(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    found = run("off")
    assert (found["hits"], found["misses"]) == (0, 0)
    assert list(tmp_path.rglob("*")) == []


def test_the_folder_is_the_users_cache_unless_another_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("KOHORT_CACHE", str(tmp_path / "own"))
    assert cache.folder().parent == tmp_path / "own"
    monkeypatch.delenv("KOHORT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    if sys.platform == "linux":
        assert cache.folder().parent == tmp_path / "kohort"
    monkeypatch.setenv("KOHORT_CACHE", "off")
    assert cache.folder() is None


def test_a_folder_that_cannot_be_made_is_no_error(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("KOHORT_CACHE", str(tmp_path / "file" / "below"))
    cache.remember("key", 1)
    assert cache.remembered("key") is None
    with cache.persistent():
        pass
    assert Path(tmp_path / "file").read_text() == ""


def test_what_cannot_be_remembered_for_want_of_room_is_forgotten(tmp_path, monkeypatch):
    def full(path, text):
        path.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setenv("KOHORT_CACHE", str(tmp_path))
    monkeypatch.setattr(Path, "write_text", full)
    cache.remember("key", 1)
    assert cache.remembered("key") is None
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_folder_that_is_too_large_loses_what_was_used_longest_ago(tmp_path, monkeypatch):
    def names():
        return {path.name for path in tmp_path.iterdir()}

    monkeypatch.setattr(cache, "_LARGEST", 250)
    sizes = {"new-cache": 100, "empty-cache": 0, "old-cache": 100, "older-cache": 100}
    for age, (name, size) in enumerate(sizes.items()):
        (tmp_path / name).write_bytes(bytes(size))
        os.utime(tmp_path / name, (1e9 - age, 1e9 - age))
    # Used yesterday, though it was the first to be compiled.
    (tmp_path / "daily-cache").write_bytes(bytes(50))
    os.utime(tmp_path / "daily-cache", (2e9, 1e9 - 10))
    (tmp_path / "layout.json").write_bytes(bytes(500))
    os.utime(tmp_path / "layout.json", (0, 0))
    cache.tidy(tmp_path)
    assert names() == {"new-cache", "old-cache", "daily-cache", "layout.json"}
    cache.tidy(tmp_path)
    assert names() == {"new-cache", "old-cache", "daily-cache", "layout.json"}
    cache.tidy(tmp_path / "absent")


def test_one_file_that_cannot_be_deleted_saves_no_other(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "_LARGEST", 50)
    for age, name in enumerate(["new-cache", "old-cache"]):
        (tmp_path / name).write_bytes(bytes(100))
        os.utime(tmp_path / name, (1e9 - age, 1e9 - age))
    real = Path.unlink

    def unlink(path):
        if path.name == "old-cache":
            raise PermissionError(path)
        real(path)

    monkeypatch.setattr(Path, "unlink", unlink)
    cache.tidy(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["old-cache"]


@pytest.fixture
def own_folder(tmp_path, monkeypatch):
    """kohort's cache in a new folder, where JAX has none; the suite has one in JAX."""
    monkeypatch.setenv("KOHORT_CACHE", str(tmp_path))
    before = jax.config.jax_compilation_cache_dir
    jax.config.update("jax_compilation_cache_dir", None)
    yield cache.folder()
    jax.config.update("jax_compilation_cache_dir", before)
    compilation_cache.reset_cache()


def programs_in(folder):
    return {path.name for path in folder.glob("jit_*-cache")}


def test_to_keep_a_program_takes_no_look_at_all_others(own_folder, tmp_path):
    with cache.persistent():
        assert jax.config.jax_compilation_cache_dir == str(own_folder)
        jax.jit(lambda x: x * 3 + 2)(1.0)
        (own_folder / "gone-cache").symlink_to(tmp_path / "nowhere")
        # JAX asks for the size of each file where it is to keep to a size.
        jax.jit(lambda x: x * 5 + 4)(1.0)
    assert jax.config.jax_compilation_cache_dir is None
    assert len(programs_in(own_folder)) >= 2


@pytest.mark.long
def test_a_program_that_this_process_has_forgotten_is_in_the_folder(
    own_folder, blobs, count_compilations
):
    kept = []
    for _ in range(2):
        PROGRAMS.clear()
        kohort.fit(seeded(0), blobs.x_train, blobs.y_train, verbose=0)
        kept.append(programs_in(own_folder))
    assert len(count_compilations) == 2
    assert kept[0]
    assert kept[1] == kept[0], "it was compiled under another name"


RACE = """
import collections, sys, time
from pathlib import Path
import kohort, jax, jax.numpy as jnp
from kohort.engine.program import cache, compilation

seen = collections.Counter()
jax.monitoring.register_event_listener(lambda event, **_: seen.update([event.split("/")[-1]]))

def step(x):
    for _ in range(300):  # It takes a second to compile.
        x = jnp.sin(x @ x) + jnp.sort(x, axis=0)
    return x

lowered = jax.jit(step).lower(jnp.ones((8, 8)))
number, folder = int(sys.argv[1]), Path(sys.argv[2])
(folder / f"ready {number}").touch()
while len(list(folder.glob("ready *"))) < 3:
    time.sleep(0.001)
seen.clear()
compilation.compiled_program(lowered)
print(seen["cache_misses"], seen["cache_hits"])
"""


@pytest.mark.long
def test_of_processes_that_begin_at_the_same_time_one_compiles(tmp_path):
    environment = os.environ | {"KOHORT_CACHE": str(tmp_path / "cache")}
    environment.pop("JAX_COMPILATION_CACHE_DIR", None)
    racing = [
        subprocess.Popen(
            [sys.executable, "-c", RACE, str(number), str(tmp_path)],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(3)
    ]
    assert sorted(one.communicate(timeout=100)[0].split() for one in racing) == [
        ["0", "1"],
        ["0", "1"],
        ["1", "0"],
    ]


@pytest.fixture
def shared(tmp_path):
    before = jax.config.jax_compilation_cache_dir
    jax.config.update("jax_compilation_cache_dir", str(tmp_path))
    yield tmp_path
    jax.config.update("jax_compilation_cache_dir", before)


def test_a_program_that_fails_to_compile_is_tried_by_the_next_one(shared):
    with pytest.raises(OSError, match="no"), cache.once(lambda: "program"):
        raise OSError("no")
    (mark,) = shared.glob("*.once")
    assert mark.stat().st_size == 0
    with cache.once(lambda: "program"):
        pass
    assert mark.read_text() == "compiled"


def test_nobody_waits_for_ever_for_a_program(shared, monkeypatch):
    monkeypatch.setattr(cache, "_PATIENCE", 0.2)
    entered = []
    with cache.once(lambda: "program"), cache.once(lambda: "program"):
        entered.append(True)
    assert entered


def test_a_folder_without_room_stops_no_program(shared):
    with cache.once(lambda: "program"):
        pass
    (mark,) = shared.glob("*.once")
    mark.unlink()
    mark.symlink_to("/dev/full")
    entered = []
    with cache.once(lambda: "program"):
        entered.append(True)
    assert entered


def test_marks_go_with_programs(tmp_path, monkeypatch):
    for name in ("a-cache", "b.once"):
        (tmp_path / name).write_text("x")
    cache.tidy(tmp_path)
    assert (tmp_path / "b.once").exists()
    monkeypatch.setattr(cache, "_LARGEST", 0)
    cache.tidy(tmp_path)
    assert list(tmp_path.iterdir()) == []
