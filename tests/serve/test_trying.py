"""What variants say of a picture is what their models say of it."""

import io
import json
import os

import keras
import numpy as np
import pytest
from PIL import Image

import kohort
from kohort.errors import DataError
from kohort.evidence.store import VariantRecord, open_store
from kohort.keras_api.models import config_text
from kohort.serve import trying
from kohort.serve.follower import Follower
from kohort.serve.trying import Trying
from tests.serve.serving import logs, make_study

NAMES = ["a", "b", "<i>c</i>"]
PIXELS = {
    "shape": [6, 6], "inputs": [6, 6], "factor": 1 / 255, "offset": -0.5, "edge": 0.0,
    "names": NAMES,
}  # fmt: skip
WEIGHTS = [
    np.random.default_rng(n).normal(size=shape).astype("float32")
    for n, shape in enumerate([(36, 3), (3,)])
]


def text_of(*layers):
    model = keras.Sequential([keras.Input((6, 6)), *layers])
    model.compile("adam", "sparse_categorical_crossentropy")
    return config_text(model)


@pytest.fixture(scope="module")
def linear():
    return text_of(keras.layers.Flatten(), keras.layers.Dense(3, "softmax"))


def png(pixels, kind="PNG"):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


PICTURE = np.random.default_rng(5).integers(0, 256, (6, 6)).astype(np.uint8)


@pytest.fixture
def study(store):
    """A function that keeps a study of one finished member of each of some models."""

    def keep(models, weights=WEIGHTS, pixels=PIXELS):
        kept, members = make_study(store, list(models), replicates=1, pixels=pixels)
        # The store keeps variants as they were added first.
        store.delete("width")
        records = [VariantRecord(name, model=text) for name, text in models.items()]
        kept = store.create("width", kept_description(models, pixels), records, members)
        with kept.claim():
            kept.begin_run({})
            kept.append((key, 0, logs(1.0, 0.5)) for key in members)
            for key in members:
                kept.finish(key, weights, 1.0)
        return kept, members

    return keep


def kept_description(models, pixels):
    from tests.serve.serving import outset

    return {"epochs": dict.fromkeys(models, 4), "outset": outset(list(models), pixels=pixels)}


def answers(store, place, content):
    follower = Follower(store, place, "width")
    follower.look()
    follower.judge()
    return Trying().answers(follower, content)


def test_the_probabilities_are_those_of_the_formula(store, place, study, linear):
    study({"one": linear})
    inputs = PICTURE.astype("float32").ravel() / 255 - 0.5
    scores = np.exp(inputs @ WEIGHTS[0] + WEIGHTS[1])
    wanted = dict(zip(NAMES, scores / scores.sum(), strict=True))
    (answer,) = answers(store, place, png(PICTURE))
    assert (answer["variant"], answer["replicate"]) == ("one", 0)
    told = dict(answer["classes"])
    assert told == pytest.approx(wanted, abs=1e-4)
    assert list(told) == sorted(wanted, key=wanted.get, reverse=True)


def scoring(loss):
    model = keras.Sequential([keras.Input((6, 6)), keras.layers.Flatten(), keras.layers.Dense(3)])
    model.compile("adam", loss)
    return config_text(model)


def test_of_several_labels_each_has_its_own_probability(store, place, study):
    study({"one": text_of(keras.layers.Flatten(), keras.layers.Dense(3, "sigmoid"))},
          pixels=PIXELS | {"several": True})  # fmt: skip
    scores = (PICTURE.astype("float32").ravel() / 255 - 0.5) @ WEIGHTS[0] + WEIGHTS[1]
    (answer,) = answers(store, place, png(PICTURE))
    wanted = dict(zip(NAMES, 1 / (1 + np.exp(-scores)), strict=True))
    assert dict(answer["classes"]) == pytest.approx(wanted, abs=1e-4)
    assert sum(wanted.values()) > 1.1  # which those of one class of several do not


# As probabilities these would add up to 1.
SCORES = [np.zeros((36, 3), "float32"), np.array([0.2, 0.5, 0.3], "float32")]


def test_scores_are_what_the_loss_takes_them_for(store, place, study):
    logits = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    models = {"logits": scoring(logits), "margins": scoring(keras.losses.CategoricalHinge())}
    study(models, weights=SCORES)
    told = {answer["variant"]: answer for answer in answers(store, place, png(PICTURE))}
    expected = np.exp(SCORES[1]) / np.exp(SCORES[1]).sum()
    assert dict(told["logits"]["classes"]) == pytest.approx(
        dict(zip(NAMES, expected, strict=True)), abs=1e-4
    )
    assert f"margins of a hinge loss; the nearest is {NAMES[1]}" in told["margins"]["error"]


@pytest.mark.long
def test_a_picture_of_another_size_or_colour_is_made_as_the_training_images(
    store, place, study, linear
):
    study({"one": linear})
    large = np.repeat(np.repeat(PICTURE, 4, axis=0), 4, axis=1)
    (small,), (same,) = (
        answers(store, place, png(np.stack([p] * 3, axis=-1))) for p in (large, PICTURE)
    )
    assert dict(small["classes"]).keys() == dict(same["classes"]).keys()
    assert same == answers(store, place, png(PICTURE))[0]


BOMB = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (60000).to_bytes(4) * 2 + b"\x08\0\0\0\0" + b"\0" * 40


REFUSED = {
    "nothing": b"",
    "text": b"no image",
    "a part": png(PICTURE)[:60],
    "a bomb": BOMB,
    "SVG": b"<svg xmlns='x'/>",
    "PostScript": b"%!PS-Adobe-3.0\n",
}


@pytest.mark.parametrize("content", REFUSED.values(), ids=REFUSED)
def test_what_is_no_picture_is_refused_in_a_line(store, place, study, linear, content):
    study({"one": linear})
    with pytest.raises(DataError, match="expected an image file, such as PNG or JPEG, got"):
        answers(store, place, content)


def test_no_code_of_a_model_is_run(store, place, study, linear):
    with_code = json.loads(text_of(keras.layers.Flatten(), keras.layers.Dense(3)))
    code = keras.layers.Lambda(lambda x: __import__("os").environ.setdefault("KOHORT_RUN", x))
    with_code["config"]["layers"].append(keras.saving.serialize_keras_object(code))
    study({"good": linear, "evil": json.dumps(with_code)})
    told = {answer["variant"]: answer for answer in answers(store, place, png(PICTURE))}
    assert "expected a model that Keras can build" in told["evil"]["error"]
    assert "lambda" in told["evil"]["error"].lower()
    assert told["good"]["classes"]
    assert "KOHORT_RUN" not in os.environ


def test_a_damaged_file_of_weights_is_told_of_its_variant_alone(store, place, study, linear):
    kept, members = study({"good": linear, "damaged": linear})
    (path,) = [
        kept._files / member.weights for member in kept.members() if member.key == members[1]
    ]
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    told = {answer["variant"]: answer for answer in answers(store, place, png(PICTURE))}
    assert "damaged" in told["damaged"]["error"] or "expected" in told["damaged"]["error"]
    assert told["good"]["classes"]


@pytest.mark.long
def test_weights_of_another_shape_and_scores_of_other_classes_are_told(store, place, study, linear):
    wide = text_of(keras.layers.Flatten(), keras.layers.Dense(4, "softmax"))
    study({"one": linear, "wide": wide})
    told = {answer["variant"]: answer for answer in answers(store, place, png(PICTURE))}
    assert "cannot be run here" in told["wide"]["error"]
    assert told["one"]["classes"]


@pytest.mark.long
def test_members_whose_weights_were_dropped_are_told(store, place, study, linear):
    kept, members = study({"one": linear})
    with kept.claim():
        kept.drop_weights(members)
    (answer,) = answers(store, place, png(PICTURE))
    assert answer == {"variant": "one", "error": "no member of it that has finished is kept"}


def test_a_study_on_other_data_is_refused(store, place, study, linear):
    study({"one": linear}, pixels=None)
    with pytest.raises(DataError, match="a study on images"):
        answers(store, place, png(PICTURE))


@pytest.mark.long
def test_few_models_stay_in_memory(store, place, study, linear, monkeypatch):
    monkeypatch.setattr(trying, "MOST_MODELS", 2)
    study(dict.fromkeys("abcd", linear))
    follower, asks = Follower(store, place, "width"), Trying()
    follower.look()
    follower.judge()
    assert len(asks.answers(follower, png(PICTURE))) == 4
    assert len(asks._models) == 2


@pytest.mark.long
def test_a_real_study_says_what_its_deployable_members_say(tmp_path):
    random = np.random.default_rng(0)
    y = np.arange(120) % 3
    pixels = random.integers(0, 60, (120, 6, 6)).astype(np.uint8)
    pixels[np.arange(120), y, y] += 150
    data = kohort.Dataset(pixels, y, pixels[:9], y[:9], class_names=NAMES)

    def build(width):
        layers = [keras.layers.Dense(width, "relu")] if width else []
        last = keras.layers.Dense(3, "softmax")
        model = keras.Sequential([keras.Input((6, 6)), keras.layers.Flatten(), *layers, last])
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    place = str(tmp_path / "kohort.db")
    study = kohort.Study(
        "width", kohort.grid(build, width=[0, 8]), data, replicates=kohort.Holdout(0.2, 2),
        epochs=3, batch_size=16,
    )  # fmt: skip
    result = study.run(place, verbose=0)
    with open_store(place) as store:
        told = answers(store, place, png(pixels[4]))
    assert {answer["variant"] for answer in told} == {"width=0", "width=8"}
    numbers = {variant.name: n for n, variant in enumerate(result.variants)}
    for answer in told:
        member = result.members[numbers[answer["variant"]], answer["replicate"]]
        wanted = np.asarray(member.deployable().predict(pixels[4:5], verbose=0))[0]
        assert dict(answer["classes"]) == pytest.approx(
            {NAMES[k]: wanted[k] for k in range(3)}, abs=1e-4
        )
