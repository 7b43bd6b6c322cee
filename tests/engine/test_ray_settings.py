"""What names a cluster."""

import math
from pathlib import Path

import pytest

import kohort
from kohort.cli.options import ExecutorName
from kohort.cli.training.study_commands import executor_of
from kohort.engine.ray_settings import cluster_of


def test_an_executor_names_a_cluster_or_none():
    assert cluster_of("local") is None
    assert cluster_of("ray") == kohort.Ray()
    assert cluster_of(kohort.Ray("auto", cpus=3)) == kohort.Ray("auto", cpus=3)


@pytest.mark.parametrize("executor", ["slurm", None, 3])
def test_other_executors_are_refused(executor, blobs):
    from tests.runs.test_resume import study

    with pytest.raises(kohort.DesignError, match=r"expected executor in .*local.* or a kohort.Ray"):
        study(blobs).run(executor=executor)


@pytest.mark.parametrize("address", ["head", "head:", ":6379", "head:x", "ray://head:10001", 7])
def test_an_address_is_a_host_and_a_port(address):
    with pytest.raises(kohort.DesignError, match="as HOST:PORT"):
        kohort.Ray(address)


@pytest.mark.parametrize("cpus", [0, -1, 1.5, True, "2"])
def test_a_block_has_a_whole_number_of_cores(cpus):
    with pytest.raises(kohort.DesignError, match="cpus of 1 or more"):
        kohort.Ray(cpus=cpus)


@pytest.mark.parametrize("shared", ["/mnt/data", Path("/mnt/data"), "s3://bucket/data"])
def test_a_shared_place_is_a_folder_or_a_url(shared):
    assert kohort.Ray(shared=shared).shared == str(shared)


@pytest.mark.parametrize("shared", ["", "data", "./data", 3])
def test_a_shared_place_has_one_name_on_all_nodes(shared):
    with pytest.raises(kohort.DesignError, match="a folder by its path from the root"):
        kohort.Ray(shared=shared)


@pytest.mark.parametrize("gpus", [0, 0.25, 1, 4, 0.0001, 2.0])
def test_a_block_has_a_part_of_a_gpu_or_whole_ones(gpus):
    assert kohort.Ray(gpus=gpus).gpus == gpus


def test_a_part_of_a_gpu_is_rounded_down_to_what_ray_counts():
    assert [kohort.Ray(gpus=part).gpus for part in (1 / 3, 1 / 6, 0.29)] == [0.3333, 0.1666, 0.29]


@pytest.mark.parametrize("gpus", [-1, -0.5, 1.5, 1e-5, math.nan, math.inf, True, "1", None])
def test_a_block_has_no_other_number_of_gpus(gpus):
    with pytest.raises(kohort.DesignError, match=r"gpus of 0, of a part .*, or a whole number"):
        kohort.Ray(gpus=gpus)


@pytest.mark.parametrize(
    ("address", "shared", "gpus", "option"),
    [
        ("10.0.0.5:6379", None, None, "--address"),
        (None, "/mnt/data", None, "--shared"),
        (None, None, 0.5, "--gpus"),
    ],
)
def test_options_of_a_cluster_are_refused_without_one(address, shared, gpus, option):
    with pytest.raises(kohort.DesignError, match=f"expected --executor ray beside {option}"):
        executor_of(ExecutorName.LOCAL, address, shared, gpus)
    cluster = executor_of(ExecutorName.RAY, address, shared, gpus)
    assert cluster == kohort.Ray(address, shared=shared, gpus=gpus or 0)
