"""A whole study, kept on a server of PostgreSQL."""

import pytest

import kohort
from kohort.evidence.store import open_store
from tests.models import build_mlp


class Death(BaseException):
    """Ends a run in its middle."""


@pytest.mark.long
def test_a_study_goes_on_from_a_server(blobs, server, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # Weights lie in the working directory.
    url = server.new_database()
    study = kohort.Study(
        "kept",
        [kohort.Variant("plain", build_mlp), kohort.Variant("wide", build_mlp, units=(16,))],
        blobs,
        replicates=kohort.Holdout(0.2, 2),
        epochs=3,
        batch_size=50,
    )
    wanted = study.run(verbose=0)

    from kohort.runs.checkpointing import Checkpointer

    real, seen = Checkpointer.take, []

    def deadly(self, *arguments):
        real(self, *arguments)
        seen.append(arguments)
        if len(seen) == 6:
            raise Death

    monkeypatch.setattr(Checkpointer, "take", deadly)
    with pytest.raises(Death):
        study.run(url, checkpoint_seconds=0.0, verbose=0)
    result = study.run(url, checkpoint_seconds=0.0, verbose=0)
    assert result.curves().equals(wanted.curves())
    for key, member in result.members.items():
        for one, other in zip(member.weights, wanted.members[key].weights, strict=True):
            assert one.tobytes() == other.tobytes()
    with open_store(url) as store:
        assert [run.outcome for run in store.study("kept").runs()] == ["failed", "done"]
