"""What only a server does: it goes away and comes back, and has passwords."""

import threading
import time

import numpy as np
import psycopg
import pytest
from sqlalchemy import Connection, text

from kohort.errors import StoreError
from kohort.evidence.store import database, open_store, rows
from tests.evidence.store.conftest import MEMBERS, ONE, VARIANTS
from tests.postgres import free_port


@pytest.fixture
def place(server):
    return server.new_database()


@pytest.fixture
def study(place, tmp_path):
    with open_store(place, files=tmp_path) as store:
        yield store.create("width", {}, VARIANTS, MEMBERS)


@pytest.fixture
def few_tries(monkeypatch):
    monkeypatch.setattr(database, "WAITS", (0.01, 0.02))


def test_files_lie_in_the_working_directory(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with open_store(place) as store:
        study = store.create("a", {}, VARIANTS, MEMBERS)
        with study.claim():
            study.finish(ONE, [np.zeros(1)], 1.0)
    assert len(list((tmp_path / "kohort.files").glob("*/member-*"))) == 1


def test_a_server_that_is_not_there_is_told_at_once_without_the_password(monkeypatch):
    waits = []
    monkeypatch.setattr(database.time, "sleep", waits.append)
    place = f"postgresql://me:sec%40ret@127.0.0.1:{free_port()}/studies?password=secret"
    with pytest.raises(
        StoreError, match=r"refused.*; start its server, and check its add"
    ) as caught:
        open_store(place)
    assert not waits
    said = str(caught.value)
    assert "\n" not in said
    assert "me:***@127.0.0.1" in said
    assert "sec" not in said.replace("seconds", "")


def test_a_database_that_is_not_there_is_told(server, tmp_path):
    with pytest.raises(StoreError, match='database "none" does not exist'):
        open_store(server.url("none"))


def test_a_user_who_may_not_make_tables_is_told(server, place):
    server.execute("CREATE ROLE guest LOGIN")
    with pytest.raises(StoreError, match=r"permission denied .*; check that it is sound, and that"):
        open_store(place.replace("kohort@", "guest@"))


def test_tables_of_another_program_are_left_alone(server, place):
    name = place.rsplit("/", 1)[1]
    server.execute("CREATE TABLE study (mine integer)", name)
    with pytest.raises(StoreError, match=r"another program's tables \['study'\] in postgresql://"):
        open_store(place)
    tables = server.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", name)
    assert tables == [("study",)]


@pytest.mark.parametrize("scheme", ["postgresql+psycopg://", "postgres://"])
def test_other_spellings_of_the_address(place, tmp_path, scheme):
    with open_store(place.replace("postgresql://", scheme), files=tmp_path) as store:
        assert store.studies() == []


def test_a_server_that_was_started_again_between_writes(server, study):
    with study.claim():
        study.append([(ONE, 0, {"loss": 1.0})])
        server.stop()
        server.start()
        study.append([(ONE, 1, {"loss": 2.0})])
        study.finish(ONE, [np.ones(2)], 1.0)
        with pytest.raises(StoreError, match="nobody else runs"):
            study.claim().__enter__()
    assert [record.logs["loss"] for record in study.epochs()] == [1.0, 2.0]
    assert study.weights(ONE)[0].tolist() == [1.0, 1.0]


def test_a_server_that_goes_away_while_rows_are_written(server, study):
    stopped = threading.Event()

    def restart():
        server.stop("immediate")
        stopped.set()
        time.sleep(0.5)
        server.start()

    with study.claim():
        study.append([(ONE, 0, {"loss": 0.0})])
        other = threading.Thread(target=restart)
        other.start()
        epoch = 1
        while other.is_alive() or epoch < 20:
            study.append([(ONE, epoch, {"loss": float(epoch)})])
            epoch += 1
        other.join()
    assert stopped.is_set()
    assert [(r.epoch, r.logs["loss"]) for r in study.epochs()] == [(n, n) for n in range(epoch)]


def test_a_connection_that_is_lost_in_the_middle_is_tried_again_with_the_same_rows(study):
    member = study._database.read(lambda c: rows.member_ids(c, study.number))[ONE]
    tries = []

    def work(connection):
        tries.append(1)
        rows.append(connection, [(member, 0, "{}")])
        if len(tries) == 1:
            connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        rows.append(connection, [(member, 1, "{}")])

    with study.claim():
        study._write(work)
    assert len(tries) == 2
    assert [record.epoch for record in study.epochs()] == [0, 1]


def test_transactions_in_each_others_way_are_tried_again(study):
    tries = []

    def work(connection):
        tries.append(1)
        if len(tries) == 1:
            connection.execute(
                text("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40P01'; END $$")
            )

    study._database.write(work)
    assert len(tries) == 2


def test_a_mistake_is_not_tried_again(study):
    tries = []

    def work(connection):
        tries.append(1)
        connection.execute(text("SELECT nothing"))

    with pytest.raises(StoreError, match='column "nothing" does not exist'):
        study._database.write(work)
    assert len(tries) == 1


def test_a_server_that_stays_away_is_told(server, study, few_tries):
    server.stop()
    try:
        with pytest.raises(StoreError, match=r"got '.*; start its server, and check") as caught:
            study.members()
        assert "\n" not in str(caught.value)
    finally:
        server.start()
    assert len(study.members()) == 8


def test_who_lost_the_claim_to_another_writes_no_more(server, place, study, few_tries, tmp_path):
    with open_store(place, files=tmp_path) as store:
        other = store.study("width")
        with study.claim():
            study.append([(ONE, 0, {"loss": 1.0})])
            server.stop()
            server.start()
            with other.claim():
                with pytest.raises(StoreError, match="got 'held by another connection' from"):
                    study.append([(ONE, 1, {"loss": 2.0})])
                other.append([(ONE, 0, {"loss": 3.0})])
            with pytest.raises(StoreError, match="got 'another process had claimed the study"):
                study.append([(ONE, 1, {"loss": 2.0})])
        assert [record.logs["loss"] for record in study.epochs()] == [3.0]


def test_a_claim_leaves_no_connection_behind(server, place, study):
    name = place.rsplit("/", 1)[1]
    held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
    with study.claim():
        assert server.execute(held, name) == [(1,)]
    for _ in range(100):
        if server.execute(held, name) == [(0,)]:
            return
        time.sleep(0.05)
    pytest.fail("the lock is still held")


def test_the_driver_is_psycopg(study):
    assert study._database.engine.dialect.driver == psycopg.__name__


def test_a_claim_is_given_back_though_its_connection_has_not_ended_yet(study, monkeypatch):
    open_yet = []

    def not_yet(connection):
        open_yet.append(connection)

    with monkeypatch.context() as patch:
        # As where the server has not noticed yet.
        patch.setattr(Connection, "close", not_yet)
        with study.claim():
            pass
    with study.claim():
        study.begin_run({})
    for connection in open_yet:
        connection.close()
