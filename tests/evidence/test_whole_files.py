import pytest

from kohort.evidence.whole_files import written_whole


def test_a_file_is_there_when_the_block_has_ended(tmp_path):
    path = tmp_path / "new folder" / "a.txt"
    with written_whole(path) as new:
        assert new.suffix == ".txt", "Keras tells by it how to save"
        new.write_text("whole")
        assert not path.exists()
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail():
        with written_whole(path) as new:
            new.write_text("half")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
