"""Single bits of a database that a disk changed while nobody looked."""

import random

import pytest
from sqlalchemy import select, update

from kohort.errors import StoreError
from kohort.evidence.store import MemberKey, VariantRecord, open_store, schema

VARIANTS = [VariantRecord(f"v{n}", "def build(): ...", {"units": n}) for n in range(4)]
MEMBERS = [MemberKey(variant.name, number) for variant in VARIANTS for number in range(5)]
METRICS = ("loss", "accuracy", "val_loss", "val_accuracy")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A store with a study of 20 members and 20 epochs, all of it in the file itself."""
    place = tmp_path_factory.mktemp("bits") / "kohort.db"
    values = random.Random(0)
    with open_store(place) as store:
        study = store.create("struck", {"batch size": 256}, VARIANTS, MEMBERS)
        with study.claim():
            for epoch in range(20):
                logs = [{metric: values.random() for metric in METRICS} for _ in MEMBERS]
                study.append((m, epoch, own) for m, own in zip(MEMBERS, logs, strict=True))
    return place


def numbers(place):
    with open_store(place) as store:
        study = store.study("struck")
        return {(*record.member, record.epoch): record.logs for record in study.epochs()}


@pytest.mark.long
def test_no_number_is_changed_by_a_flipped_bit(place, tmp_path):
    whole, wanted, told = place.read_bytes(), numbers(place), []
    choose = random.Random(1)
    struck = tmp_path / "kohort.db"
    for _ in range(150):
        content = bytearray(whole)
        content[choose.randrange(len(content))] ^= 1 << choose.randrange(8)
        struck.write_bytes(content)
        try:
            found = numbers(struck)
        except StoreError as error:
            told.append(str(error))
            continue
        assert found.items() <= wanted.items()
    assert len(told) > 20
    assert not [line for line in told if "\n" in line]


def test_a_number_that_is_another_is_named(place, tmp_path):
    struck = tmp_path / "kohort.db"
    struck.write_bytes(place.read_bytes())
    with open_store(struck) as store:
        table = schema.epoch
        here = (table.c.member == 3) & (table.c.epoch == 7)
        logs = store._database.read(lambda c: c.scalar(select(table.c.logs).where(here)))
        digit = logs[-2]
        other = logs[:-2] + chr(ord(digit) ^ 1) + "}"
        store._database.write(lambda c: c.execute(update(table).where(here).values(logs=other)))
        with pytest.raises(
            StoreError, match=r"epoch 7 .* of .*'v0', replicate=2.*; restore .* copy"
        ):
            store.study("struck").epochs()


def test_rows_that_are_older_than_checksums_are_read(place, tmp_path):
    struck = tmp_path / "kohort.db"
    struck.write_bytes(place.read_bytes())
    with open_store(struck) as store:
        store._database.write(lambda c: c.execute(update(schema.epoch).values(crc=None)))
    assert numbers(struck) == numbers(place)
