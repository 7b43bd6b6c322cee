"""Clusters that cannot be joined: one line each."""

import socket
import sys
from types import SimpleNamespace as Namespace

import pytest

import kohort
from kohort.runs.cluster import connecting, versions
from tests.runs.test_resume import study


def test_without_ray_it_is_told_how_to_install_it(blobs, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(kohort.DesignError, match=r"expected Ray.*; pip install 'kohort\[ray\]'"):
        study(blobs).run(executor="ray")


def test_where_nobody_listens_is_no_cluster():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # It does not listen.
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(kohort.DesignError, match=f"a Ray cluster at {address}, got none "):
            connecting._check_listens(address)


def test_a_port_that_is_none_is_told():
    with pytest.raises(kohort.DesignError, match=r"at 127\.0\.0\.1:99999, got none"):
        connecting._check_listens("127.0.0.1:99999")


def test_a_cluster_that_cannot_be_left_does_not_hide_why_a_run_ended(monkeypatch):
    def fails():
        raise ConnectionError("the node is gone")

    ray = Namespace(is_initialized=lambda: False, init=lambda **_: None, shutdown=fails)
    monkeypatch.setattr(connecting, "_imported", lambda: ray)
    error = kohort.DesignError("modules that the nodes have", "none", "install them")
    with (
        pytest.raises(kohort.DesignError, match="install them"),
        connecting.connected(kohort.Ray()),
    ):
        raise error
    with connecting.connected(kohort.Ray()) as joined:
        assert joined is ray


class Nodes:
    """A cluster that only tells its nodes."""

    def __init__(self, *resources):
        self._resources = resources

    def nodes(self):
        return [{"Alive": alive, "Resources": of} for alive, of in self._resources]


CLUSTER = Nodes(
    (True, {"memory": 100.0}),
    (True, {"CPU": 1.0, "memory": 100.0}),
    (True, {"CPU": 5.0, "memory": 300.0}),
    (False, {"CPU": 64.0, "memory": 9.0}),
    (True, {"CPU": 4.0, "memory": 400.0}),
)


def test_blocks_train_where_there_are_their_cores():
    clusters = [kohort.Ray(cpus=cpus) for cpus in (1, 2, 5, 6)]
    assert [connecting.slots(CLUSTER, of) for of in clusters] == [10, 4, 1, 1]


def test_a_block_has_the_memory_that_it_would_have_on_each_node():
    assert connecting.memory_of_block(CLUSTER, kohort.Ray(cpus=1)) == 60
    assert connecting.memory_of_block(CLUSTER, kohort.Ray(cpus=4)) == 240


def test_a_process_is_in_one_cluster():
    for address in (None, "auto", "10.0.0.5:6379"):
        connecting._check_joined(kohort.Ray(address), "10.0.0.5:6379")
    with pytest.raises(
        kohort.DesignError, match=r"the cluster at 10\.0\.0\.5:6379, which this proc"
    ):
        connecting._check_joined(kohort.Ray("10.0.0.6:6379"), "10.0.0.5:6379")


def test_a_cluster_of_small_nodes_is_refused():
    with pytest.raises(kohort.DesignError, match=r"a node of 8 cores .* whose largest has 5;"):
        connecting.check_nodes(CLUSTER, kohort.Ray(cpus=8), {})


def test_nodes_of_one_address_are_all_asked_for_their_versions():
    def node(name):
        return {
            "Alive": True,
            "Resources": {"CPU": 1.0},
            "NodeID": name,
            "NodeManagerAddress": "10.0.0.5",
        }

    # A task tells where it runs.
    task = Namespace(
        options=lambda scheduling_strategy: Namespace(remote=lambda: scheduling_strategy)
    )
    strategies = Namespace(NodeAffinitySchedulingStrategy=lambda node, soft: node)
    cluster = Namespace(
        nodes=lambda: [node("old"), node("new")],
        remote=lambda **_: lambda _: task,
        get=lambda answer, timeout: {"Python": answer},
        util=Namespace(scheduling_strategies=strategies),
    )
    with pytest.raises(kohort.DesignError, match=r"got Python old on node 10\.0\.0\.5"):
        connecting.check_nodes(cluster, kohort.Ray(), {"Python": "new"})


def test_versions_that_differ_are_all_named():
    here = versions.teller()()
    versions.check_same(here, dict(here), "node a")
    there = here | {"keras": "3.0.0", "Python": "3.9.1"}
    del there["jax"]
    with pytest.raises(kohort.DesignError, match=r"got Python 3\.9\.1, keras 3\.0\.0, jax none on"):
        versions.check_same(here, there, "node a")


def test_kohort_is_told_by_its_source():
    assert " of source " in versions.teller()()["kohort"]
