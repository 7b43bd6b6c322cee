"""Event files, read back by TensorBoard, against the curves."""

import sys
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import TENSORS, EventAccumulator
from tensorboard.plugins.hparams import api_pb2, metadata
from tensorboard.util.tensor_util import make_ndarray

from kohort.report.exports.event_files import folder_of, write
from kohort.report.exports.export import export
from tests.report.exports.cases import FINISHED, SLASHED, study


def read(folder):
    accumulator = EventAccumulator(str(folder), size_guidance={TENSORS: 0})
    accumulator.Reload()
    return accumulator


def scalars(folder):
    """By tag and step, the values of a run."""
    accumulator = read(folder)
    return {
        (tag, event.step): make_ndarray(event.tensor_proto).item()
        for tag in accumulator.Tags()["tensors"]
        for event in accumulator.Tensors(tag)
    }


def hyperparameters(folder):
    content = read(folder).summary_metadata[metadata.SESSION_START_INFO_TAG].plugin_data.content
    info = metadata.parse_session_start_info_plugin_data(content)
    values = {
        name: getattr(value, value.WhichOneof("kind")) for name, value in info.hparams.items()
    }
    return info.group_name, values, info.start_time_secs


def test_every_number_comes_back_under_kerass_tags(tmp_path):
    assert export(study(), tmp_path / "logs", "tensorboard") == [tmp_path / "logs"]
    members = [member for member in study().members if member.epochs]
    for member in members:
        folder = tmp_path / "logs" / folder_of(member.key)
        train, valid = scalars(folder / "train"), scalars(folder / "validation")
        wanted = {
            (metric, epoch): float(np.float32(value))
            for epoch, logs in member.epochs.items()
            for metric, value in logs.items()
        }
        read_back = {(f"val_{tag[6:]}", step): value for (tag, step), value in valid.items()}
        read_back |= {(tag[6:], step): value for (tag, step), value in train.items()}
        np.testing.assert_equal(read_back, wanted)
        assert {tag for tag, _ in valid} == {"epoch_loss"}
        assert {tag for tag, _ in train} == {"epoch_loss", "epoch_accuracy", "epoch_eval_accuracy"}
    files = [path for path in (tmp_path / "logs").rglob("*") if path.is_file()]
    assert len(files) == 3 * len(members)


class Recorder:
    """Stands for TensorFlow's summaries, which Keras's callback writes."""

    def __init__(self):
        self.run = None
        self.written = {}

    def create_file_writer(self, run):
        def begin():
            self.run = run
            return nullcontext()

        return SimpleNamespace(as_default=begin)

    def scalar(self, tag, value, step):
        self.written[self.run, tag, step] = value


def test_runs_tags_and_steps_are_those_of_kerass_callback(tmp_path):
    member = study().members[0]
    callback = keras.callbacks.TensorBoard(tmp_path / "keras", write_graph=False)
    model = keras.Sequential()
    model.optimizer = None
    callback.set_model(model)
    callback._summary_module = recorder = Recorder()
    for epoch, logs in member.epochs.items():
        callback.on_epoch_end(epoch, logs)
    write(study(), tmp_path / "logs")
    written = {
        (str(tmp_path / "keras" / run), *key): value
        for run in ("train", "validation")
        for key, value in scalars(tmp_path / "logs" / folder_of(member.key) / run).items()
    }
    assert written == pytest.approx(recorder.written)


def test_replicates_are_one_group_of_hyperparameters(tmp_path):
    write(study(), tmp_path / "logs")
    found = [
        hyperparameters(tmp_path / "logs" / folder_of(member.key)) for member in study().measured
    ]
    assert [group for group, _, _ in found] == ["plain", "plain", SLASHED, "plain, share 0.5"]
    settings = {
        "study.replicates": "Holdout(fraction=0.1, repeats=2)",
        "study.batch_size": 32,
        "study.seed": 0,
        "study.engine": "fused",
    }
    plain = {"units": "(2,)", "l2": 0.0, "name": "tanh", "on": True, "study.epochs": 3}
    assert found[0][1] == found[3][1] == plain | settings
    assert found[2][1] == {"units": "<function f at 0x1>", "study.epochs": 2} | settings
    assert found[0][2] == FINISHED.timestamp() - 30


def test_folders_stay_where_they_belong_whatever_variants_are_called(tmp_path):
    names = ["..", ".", ".hidden", "a/b", "a%2Fb", "c:\\d", 'x*?"<>|', "\0", "größe 1"]
    first = study().members[0]
    members = [replace(first, key=first.key._replace(variant=name)) for name in names]
    arguments = {name: {} for name in names}
    changed = study(members=members, arguments=arguments, planned=dict.fromkeys(names, 1))
    write(changed, tmp_path / "logs")
    assert {path.name for path in tmp_path.iterdir()} == {"logs"}
    folders = list((tmp_path / "logs").iterdir())
    assert len(folders) == len(names)
    assert not any(set(path.name) & set('/\\:*?"<>|\0') for path in folders)
    assert "größe 1" in [path.name for path in folders]


def test_names_that_are_too_long_for_a_folder_are_cut_and_stay_apart(tmp_path):
    names = ["ö" * 101 + end for end in ("a" * 400, "b" * 400)] + ["c" * 200]
    first = study().members[0]
    members = [replace(first, key=first.key._replace(variant=name)) for name in names]
    arguments = {name: {} for name in names}
    write(
        study(members=members, arguments=arguments, planned=dict.fromkeys(names, 1)),
        tmp_path / "logs",
    )
    folders = {path.name for path in (tmp_path / "logs").iterdir()}
    assert len(folders) == 3
    assert {name[:101] for name in folders} == {"ö" * 100 + "-", "c" * 101}
    found = [hyperparameters(tmp_path / "logs" / folder_of(member.key)) for member in members]
    assert [group for group, _, _ in found] == names


def test_the_same_study_gives_the_same_bytes(tmp_path):
    for name in ("one", "other"):
        write(study(), tmp_path / name)
    one, other = (
        {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}
        for root in (tmp_path / "one", tmp_path / "other")
    )
    assert one == other


def test_tensorflow_is_not_needed(tmp_path):
    write(study(), tmp_path / "logs")
    assert "tensorflow" not in sys.modules


def test_how_and_when_a_member_ended_is_told_to_the_hparams_dashboard(tmp_path):
    export(study(), tmp_path / "logs", "tensorboard")
    told = set()
    for member in study().measured:
        found = read(tmp_path / "logs" / folder_of(member.key)).summary_metadata
        if member.finished is None:
            assert metadata.SESSION_END_INFO_TAG not in found
            continue
        content = found[metadata.SESSION_END_INFO_TAG].plugin_data.content
        info = metadata.parse_session_end_info_plugin_data(content)
        has_failed = not np.isfinite(member.epochs[max(member.epochs)]["loss"])
        assert info.status == (api_pb2.STATUS_FAILURE if has_failed else api_pb2.STATUS_SUCCESS)
        assert info.end_time_secs == pytest.approx(member.finished.timestamp())
        told.add(info.status)
    assert told
