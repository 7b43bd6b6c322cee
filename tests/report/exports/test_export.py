"""Exports: what is written where, and what is refused."""

import builtins
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import kohort
from kohort.evidence.store import open_store
from kohort.report.exports import event_files
from kohort.report.exports.export import TABLES, export, tables
from kohort.report.exports.study_export import of_conclusions, of_stored
from tests.models import build_mlp
from tests.report.exports.cases import study


def listed(folder):
    return sorted(path.name for path in folder.iterdir())


def test_tables_have_all_that_was_measured_and_found():
    told = tables(study())
    members = study().members
    assert len(told["curves"]) == sum(4 * len(member.epochs) for member in members)
    first = told["curves"].iloc[0].tolist()
    assert first == ["plain", 0, 1.0, 1, "loss", 0.1]
    assert told["members"]["epochs"].tolist() == [3, 2, 1, 2, 0]
    assert told["members"]["units"].tolist() == ["(2,)", "(2,)", "f", "(2,)", "f"]
    assert told["members"]["l2"].dropna().tolist() == [0.0] * 3
    assert told["findings"]["verdict"].tolist() == ["not found", "found", "inconclusive"]


@pytest.mark.parametrize(("to", "kind"), [(None, "csv"), ("csv", "csv"), ("parquet", "parquet")])
def test_tables_are_a_file_each(tmp_path, to, kind):
    names = [f"{name}.{kind}" for name in ("curves", "members", "findings", "recalls")]
    assert export(study(), tmp_path / "of" / "it", to) == [tmp_path / "of/it" / n for n in names]
    assert listed(tmp_path / "of" / "it") == sorted(names)


@pytest.mark.parametrize("kind", TABLES)
def test_a_path_that_ends_in_a_format_takes_the_curves_alone(tmp_path, kind):
    path = tmp_path / f"curves.{kind}"
    assert export(study(), path) == [path]
    assert listed(tmp_path) == [path.name]
    read = pd.read_csv(path) if kind == "csv" else pd.read_parquet(path)
    pd.testing.assert_frame_equal(read, tables(study())["curves"], check_dtype=False)


def test_evidence_is_json_for_every_reader(tmp_path):
    finding = study().findings[0]
    broken = replace(finding, evidence={"p_value": np.nan, "rise": [1.5, -np.inf]})
    export(study(findings=[broken]), tmp_path)
    (told,) = pd.read_csv(tmp_path / "findings.csv")["evidence"]
    assert told == '{"p_value": null, "rise": [1.5, null]}'


def test_tables_replace_all_of_those_before_or_none(tmp_path, monkeypatch):
    export(study(), tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    whole = TABLES["csv"]

    def fails(table, path):
        if path.name == "findings.csv":
            raise OSError(28, "No space left on device")
        whole(table, path)

    changed = study(members=study().members[:1], findings=[])
    monkeypatch.setitem(TABLES, "csv", fails)
    with pytest.raises(kohort.StoreError, match="No space left on device"):
        export(changed, tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    monkeypatch.setitem(TABLES, "csv", whole)
    export(changed, tmp_path)
    assert listed(tmp_path) == sorted(before)
    assert all(
        (tmp_path / name).read_bytes() != content
        for name, content in before.items()
        if name != "recalls.csv"  # It has no rows in either.
    )


@pytest.mark.parametrize("to", ["tensorboard", "mlflow", "optuna"])
@pytest.mark.parametrize("kind", ["folder", "file", "link"])
def test_nothing_is_added_to_what_is_there(tmp_path, to, kind):
    there = tmp_path / "there"
    if kind == "folder":
        there.mkdir()
        (there / "events").write_text("older")
    elif kind == "file":
        there.write_text("older")
    else:
        there.symlink_to(tmp_path / "nowhere")
    with pytest.raises(kohort.StoreError, match="there, which is there; name another, or remove"):
        export(study(), there, to)
    assert listed(tmp_path) == ["there"]
    assert kind != "folder" or listed(there) == ["events"]


def test_an_export_that_fails_leaves_nothing(tmp_path, monkeypatch):
    real = event_files._write_member

    def fails(of, member, folder):
        if member.key.replicate == 1:
            raise OSError(28, "No space left on device")
        real(of, member, folder)

    monkeypatch.setattr(event_files, "_write_member", fails)
    with pytest.raises(kohort.StoreError, match="No space left on device"):
        export(study(), tmp_path / "logs", "tensorboard")
    assert not listed(tmp_path)


@pytest.mark.parametrize(
    ("to", "library"), [("tensorboard", "tensorboard"), ("mlflow", "mlflow"), ("parquet", "pandas")]
)
def test_a_missing_extra_is_told_with_what_to_install(tmp_path, monkeypatch, to, library):
    if library == "pandas":  # which looks itself for what writes parquet
        monkeypatch.setattr(pd.DataFrame, "to_parquet", lambda *_, **__: builtins.__import__("no_"))
    else:
        for name in [name for name in sys.modules if name.split(".")[0] == library]:
            monkeypatch.setitem(sys.modules, name, None)
        monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(kohort.StoreError) as raised:
        export(study(), tmp_path / "out", to)
    assert str(raised.value) == (
        f"expected what writes {to} files, got none installed; "
        f'install it: pip install "kohort[{to}]"'
    )
    assert not list((tmp_path).rglob("*.*"))


@pytest.mark.parametrize("to", ["csv", "tensorboard"])
def test_names_that_are_no_text_are_refused(tmp_path, to):
    first = study().members[0]
    member = replace(first, key=first.key._replace(variant="\ud800"))
    changed = study(members=[member], arguments={"\ud800": {}}, planned={"\ud800": 3})
    with pytest.raises(kohort.StoreError, match=r"text in UTF-8, got .*ud800"):
        export(changed, tmp_path / "out", to)
    assert not list(tmp_path.rglob("*.*"))


def test_another_format_is_refused(tmp_path):
    with pytest.raises(kohort.StoreError, match=r"among \['csv', .*'optuna'\], got 'xls'"):
        export(study(), tmp_path / "out", "xls")
    assert not listed(tmp_path)


@pytest.mark.long
def test_nothing_is_imported_before_it_is_asked_for():
    code = (
        "import sys, kohort.cli.main, kohort.report.exports.export;"
        "heavy = ('tensorboard', 'mlflow', 'optuna', 'pyarrow.parquet');"
        "print([m for m in heavy if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_an_argument_that_is_not_given_has_its_default(tmp_path):
    """As in `to_frame` and Optuna's trials: a column with gaps compares nothing."""

    def build(units, l2=0.0, learning_rate=1e-2):
        return build_mlp((units,), l2, learning_rate=learning_rate)

    x = np.random.default_rng(0).normal(size=(40, 5))
    variants = [
        kohort.Variant("plain", build, units=2),
        kohort.Variant("held", build, units=2, l2=0.1),
    ]
    data = kohort.Dataset(x, np.arange(40) % 3)
    splits = kohort.Holdout(0.25, repeats=1)
    asked = kohort.Study("few", variants, data, replicates=splits, epochs=1)
    result = asked.run(tmp_path / "k.db", verbose=0)
    with open_store(tmp_path / "k.db") as store:
        stored = of_stored(store.study("few"))
    for found in (stored, of_conclusions(result.conclusions)):
        assert tables(found)["members"]["l2"].tolist() == [0.0, 0.1]
        assert found.parameters("plain") | {"units": 2, "l2": 0.0} == found.parameters("plain")
        assert "learning_rate" not in found.parameters("plain")  # given to none


def test_a_file_is_known_by_its_ending_in_capitals_too(tmp_path):
    assert export(study(), tmp_path / "out.CSV") == [tmp_path / "out.CSV"]
    assert len(pd.read_csv(tmp_path / "out.CSV")) == len(tables(study())["curves"])


def test_a_file_of_another_kind_is_refused_and_no_folder(tmp_path):
    with pytest.raises(kohort.StoreError, match=r"got 'out.TXT'.*name it out.csv") as refused:
        export(study(), tmp_path / "out.TXT")
    assert len(str(refused.value).splitlines()) == 1
    assert not list(tmp_path.iterdir())
    export(study(), tmp_path / "run-0.1")
    assert (tmp_path / "run-0.1" / "curves.csv").is_file()
