"""What `save_to_disk` of Hugging Face's `datasets` writes (as version 5.2 does)."""

import io
import json
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from PIL import Image

import kohort
from kohort import load
from kohort.data.copies import find_copies
from kohort.data.inspection.group_facts import group_facts
from tests.doors.refusals import assert_refused

SPECIES = {"_type": "ClassLabel", "names": ["cat", "dog"]}
PETS = {
    "kg": [1.5 * n for n in range(40)],
    "colour": [["red", "blue", None][n % 3] for n in range(40)],
    "owner": [f"o{n // 2}" for n in range(40)],
    "species": [n % 2 for n in range(40)],
}
FEATURES = {
    "kg": {"dtype": "float32", "_type": "Value"},
    "colour": {"dtype": "string", "_type": "Value"},
    "owner": {"dtype": "string", "_type": "Value"},
    "species": SPECIES,
}


def save(folder, columns, features, shards=1):
    """Write one split."""
    folder.mkdir(parents=True)
    table = pa.table(columns)
    step = -(-len(table) // shards)
    names = [f"data-{n:05}-of-{shards:05}.arrow" for n in range(shards)]
    for number, name in enumerate(names):
        file = pa.OSFile(str(folder / name), "w")
        with file, pa.ipc.new_stream(file, table.schema) as stream:
            stream.write_table(table.slice(number * step, step))
    state = {"_data_files": [{"filename": name} for name in names], "_split": None}
    (folder / "state.json").write_text(json.dumps(state))
    (folder / "dataset_info.json").write_text(json.dumps({"features": features}))
    return folder


def save_splits(folder, features, **splits):
    for name, columns in splits.items():
        save(folder / name, columns, features)
    (folder / "dataset_dict.json").write_text(json.dumps({"splits": list(splits)}))
    return folder


def part(columns, start, stop):
    return {name: cells[start:stop] for name, cells in columns.items()}


@pytest.mark.parametrize("shards", [1, 3])
def test_a_table_is_read_as_its_frame(shards, tmp_path):
    data = load(save(tmp_path / "pets", PETS, FEATURES, shards), group="owner")
    frame = pd.DataFrame(PETS).assign(species=["cat", "dog"] * 20)
    expected = kohort.Dataset.from_frame(frame, target="species", group="owner")

    assert data.fingerprint == expected.fingerprint
    assert data.feature_names == expected.feature_names
    assert data.class_names == ("cat", "dog")
    assert data.groups.tolist() == expected.groups.tolist()
    assert data.notes == expected.notes
    assert data.name == "pets"


def test_other_columns_of_classes_are_categories(tmp_path):
    features = FEATURES | {"size": {"_type": "ClassLabel", "names": ["small", "large", "huge"]}}
    source = save(tmp_path / "pets", PETS | {"size": [0, 1] * 20}, features)
    data = load(source, target="species", group="owner", test=0)
    assert data.feature_names[-2:] == ("size=large", "size=small")
    assert data.x_train[:2, -2:].tolist() == [[0, 1], [1, 0]]
    assert_refused(lambda: load(source), "target= one of the columns kg, .*, got none", tmp_path)


def test_a_split_named_test_is_the_test_set(tmp_path):
    splits = {"train": part(PETS, 0, 20), "validation": part(PETS, 20, 30)}
    source = save_splits(tmp_path / "pets", FEATURES, **splits, test=part(PETS, 30, 40))
    data = load(source, group="owner")

    assert data.x_train[:, 0].tolist() == PETS["kg"][:30]
    assert data.x_test[:, 0].tolist() == PETS["kg"][30:]
    assert data.notes[0] == "the splits train and validation train"
    assert data.notes[-1] == "the test set is the 10 samples of that name"
    told = "no test= for data with a test set, got 0.1; leave it out"
    assert_refused(lambda: load(source, test=0.1), told, tmp_path)


def test_groups_on_both_sides_of_the_splits_are_known(tmp_path):
    splits = {"train": part(PETS, 0, 31), "test": part(PETS, 29, 40)}  # o14 and o15 are in both
    data = load(save_splits(tmp_path / "pets", FEATURES, **splits), group="owner")
    owners = [f"o{n // 2}" for n in range(29, 40)]
    known = dict(zip(data.groups.tolist(), PETS["owner"][:31], strict=True))
    assert [known.get(group) for group in data.test_groups.tolist()][:4] == [*owners[:3], None]
    facts = group_facts(data, find_copies(data))
    assert (facts.across, facts.across_groups) == (3, 2)


def test_a_test_split_without_targets_is_left_out(tmp_path):
    secret = part(PETS, 30, 40) | {"species": [-1] * 10}
    source = save_splits(tmp_path / "pets", FEATURES, train=part(PETS, 0, 30), test=secret)
    data = load(source)
    assert (len(data.x_train), len(data.x_test)) == (24, 6)
    assert data.notes[0] == "the 10 samples of the split test have no targets: left out"


def pictures(count, shape=(6, 4), seed=0):
    random = np.random.default_rng(seed)
    return [random.integers(0, 256, shape, np.uint8) for _ in range(count)]


def as_cell(pixels):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return {"bytes": stream.getvalue(), "path": None}


def images(pixels):
    return {"image": [as_cell(p) for p in pixels], "label": [n % 2 for n in range(len(pixels))]}


OF_IMAGES = {"image": {"_type": "Image"}, "label": SPECIES}


def test_images_are_read_as_from_a_folder(tmp_path):
    train, test = pictures(20), pictures(6, seed=1)
    splits = {"train": images(train), "test": images(test)}
    data = load(save_splits(tmp_path / "pets", OF_IMAGES, **splits))

    assert np.array_equal(data.x_train, train)
    assert np.array_equal(data.x_test, test)
    assert data.y_test.tolist() == [0, 1] * 3
    assert data.class_names == ("cat", "dog")
    assert data.notes == (
        "target 'label': 2 classes, cat, dog",
        "the test set is the 6 images of that name",
    )


def test_images_are_resized_and_coloured_when_asked(tmp_path):
    columns = images([*pictures(12), *pictures(12, (9, 9, 3))])
    source = save(tmp_path / "pets", columns, OF_IMAGES)
    told = r"12 of 6 x 4 \(such as train/row 0\), 12 of 9 x 9 \(such as train/row 12\)"
    assert_refused(lambda: load(source), told, tmp_path)
    data = load(source, size=(6, 4), color="rgb", test=0.25)
    assert data.input_shape == (6, 4, 3)
    assert len(data.x_test) == 6
    assert "images that were resized to 6 x 4 (height x width): 12" in data.notes


def test_groups_of_images_are_not_parted_and_broken_ones_are_named(tmp_path):
    columns = images(pictures(24)) | {"owner": [f"o{n // 4}" for n in range(24)]}
    columns["image"][5]["bytes"] = b"no image"
    features = OF_IMAGES | {"owner": {"dtype": "string", "_type": "Value"}}
    data = load(save(tmp_path / "pets", columns, features), group="owner", test=0.2)
    assert data.unreadable == ("row 5 of train",)
    assert len(data.x_test) in (3, 4)
    assert len(data.x_train) + len(data.x_test) == 23
    assert sorted(np.bincount(data.groups))[-4:] == [4] * 4


WRONG = {
    "a file that is none": ("data-00000-of-00001.arrow", b"text", "a data set as `save_to_disk`"),
    "an empty file": ("data-00000-of-00001.arrow", b"", "a data set as `save_to_disk` writes it"),
    "no JSON": ("state.json", b"{", "a data set as `save_to_disk` writes it, got .*save it again"),
    "another JSON": ("state.json", b"[]", "a data set as `save_to_disk` writes it"),
    "no features": ("dataset_info.json", b"{}", "a data set as `save_to_disk` writes it"),
    "classes without names": (
        "dataset_info.json",
        json.dumps({"features": FEATURES | {"species": {"_type": "ClassLabel"}}}).encode(),
        "a data set as `save_to_disk` writes it",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_refuses(case, tmp_path):
    name, content, told = WRONG[case]
    source = save(tmp_path / "pets", PETS, FEATURES)
    (source / name).write_bytes(content)
    assert_refused(lambda: load(source), told, tmp_path)


def test_refuses_a_cut_file_and_a_missing_one(tmp_path):
    source = save(tmp_path / "pets", PETS, FEATURES)
    (file,) = source.glob("*.arrow")
    file.write_bytes(file.read_bytes()[:-600])
    assert_refused(lambda: load(source), "a data set as `save_to_disk` writes it", tmp_path)
    file.unlink()
    assert_refused(lambda: load(source), "a data set as `save_to_disk` writes it", tmp_path)


def test_refuses_images_without_classes_and_images_elsewhere(tmp_path):
    columns = images(pictures(6)) | {"price": [0.5 * n for n in range(6)]}
    source = save(tmp_path / "pets", columns, OF_IMAGES | {"price": {"_type": "Value"}})
    told = "one column of images, and classes to predict, got image and the target 'price'"
    assert_refused(lambda: load(source, target="price"), told, tmp_path)
    columns["image"] = [{"bytes": None, "path": "/etc/passwd"}] * 6
    source = save(tmp_path / "elsewhere", columns, OF_IMAGES)
    assert_refused(lambda: load(source), "images inside the data set, got .*paths to", tmp_path)


def test_refuses_options_of_images_for_a_table(tmp_path):
    source = save(tmp_path / "pets", PETS, FEATURES)
    told = "size and color for images alone, got a table; leave them out"
    assert_refused(lambda: load(source, size=(2, 2)), told, tmp_path)


def test_without_pyarrow_it_is_refused(tmp_path, monkeypatch):
    source = save(tmp_path / "pets", PETS, FEATURES)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert_refused(lambda: load(source), r"pyarrow.*pip install 'kohort\[parquet\]'", tmp_path)
