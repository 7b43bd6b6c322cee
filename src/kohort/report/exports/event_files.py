"""Writes event files of TensorBoard, laid out and named as by Keras's callback.

They are written by `tensorboard`; TensorFlow is not needed.
"""

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from kohort.evidence.store import MemberKey
from kohort.report.exports.study_export import VALIDATION, ExportedMember, StudyExport

_UNSAFE = re.compile(r"""^\.|[\0-\x1f"%*/:<>?\\|]""")
"""Characters that some systems do not allow in the name of a folder, and a dot at its start."""
_MOST_BYTES = 200
"""Of the name of a variant; systems allow 255 in the name of a folder."""


def write(study: StudyExport, folder: Path) -> None:
    """Write a folder for each member, VARIANT/replicate-N, with its runs and hyperparameters.

    The run `train` has `epoch_loss` and so on, and `validation` has the same names for what Keras
    logs as "val_loss". Steps are epochs from 0, values are float32. The replicates of a variant are
    one group of hyperparameters. A member's events have the time at which it finished, and its
    session has ended then: with success, or in failure where it diverged.

    Args:
        study: The study.
        folder: A new folder.

    Raises:
        ImportError: TensorBoard is not installed.
        OSError: The folder cannot be written.
    """
    folder.mkdir()
    for member in study.measured:
        _write_member(study, member, folder / folder_of(member.key))


def folder_of(member: MemberKey) -> Path:
    """The folder of a member in that of the study; variant names are quoted as in a URL.

    Of a name that is too long for a folder it has the start, and a digest of the whole.
    """
    variant = _UNSAFE.sub(_quoted, member.variant)
    in_bytes = variant.encode()
    if len(in_bytes) > _MOST_BYTES:
        start = in_bytes[:_MOST_BYTES].decode(errors="ignore")
        variant = f"{start}-{hashlib.sha256(in_bytes).hexdigest()[:8]}"
    part = "" if member.share == 1 else f"-share-{member.share}"
    return Path(variant, f"replicate-{member.replicate}{part}")


def _quoted(found: re.Match[str]) -> str:
    return f"%{ord(found[0]):02X}"


def _write_member(study: StudyExport, member: ExportedMember, folder: Path) -> None:
    from tensorboard.plugins.hparams.summary_v2 import hparams_pb
    from tensorboard.plugins.scalar.summary_v2 import scalar_pb

    moment = member.finished or study.started
    at = 0.0 if moment is None else moment.timestamp()
    key = member.key
    group = key.variant if key.share == 1 else f"{key.variant}, share {key.share}"
    started = at - (member.seconds or 0.0)
    session = [(0, hparams_pb(study.parameters(key.variant), group, started))]
    if member.finished is not None:
        session.append((0, _session_end(at, has_failed=member.has_failed)))
    _write_events(folder, at, session)
    runs: dict[str, list[tuple[int, Any]]] = {}
    for epoch, logs in sorted(member.epochs.items()):
        for metric, value in logs.items():
            run = "validation" if metric.startswith(VALIDATION) else "train"
            tag = f"epoch_{metric.removeprefix(VALIDATION)}"
            runs.setdefault(run, []).append((epoch, scalar_pb(tag, value)))
    for run, summaries in runs.items():
        _write_events(folder / run, at, summaries)


def _session_end(at: float, *, has_failed: bool) -> Any:
    """When and how a member ended, as a summary for the dashboard of hyperparameters.

    TensorBoard's function for it needs TensorFlow.
    """
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2

    status = api_pb2.STATUS_FAILURE if has_failed else api_pb2.STATUS_SUCCESS
    told = plugin_data_pb2.SessionEndInfo(status=status, end_time_secs=at)
    value = Summary.Value(
        tag=metadata.SESSION_END_INFO_TAG,
        metadata=metadata.create_summary_metadata(
            plugin_data_pb2.HParamsPluginData(session_end_info=told)
        ),
        tensor=metadata.NULL_TENSOR,
    )
    return Summary(value=[value])


def _write_events(folder: Path, at: float, summaries: Iterable[tuple[int, Any]]) -> None:
    """Write a file of summaries with their steps.

    TensorBoard's EventFileWriter is not used, because it writes in a thread, which does not report
    a full disk.
    """
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.summary.writer.record_writer import RecordWriter

    folder.mkdir(parents=True)
    with (folder / f"events.out.tfevents.{int(at):010d}.kohort").open("wb") as file:
        records = RecordWriter(file)
        records.write(Event(wall_time=at, file_version="brain.Event:2").SerializeToString())
        for step, summary in summaries:
            event = Event(wall_time=at, step=step, summary=summary)
            records.write(event.SerializeToString())
