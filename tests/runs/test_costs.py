"""What member epochs cost beside each other, which the time left is told by."""

import pytest

import kohort
from kohort.engine.loop import chunking
from kohort.report.progress import Progress
from kohort.runs.work import Planned, epoch_costs
from tests.models import build_mlp, seeded


@pytest.fixture
def shown(monkeypatch):
    """The displays that are made, and the costs that they were given."""
    made, costs = [], []
    init, turn = Progress.__init__, Progress.turn

    def make(progress, **arguments):
        init(progress, **arguments)
        made.append(progress)

    def follow(progress, member_epochs, cost):
        costs.append(cost)
        turn(progress, member_epochs, cost)

    monkeypatch.setattr(Progress, "__init__", make)
    monkeypatch.setattr(Progress, "turn", follow)
    return made, costs


def is_all_done(progress):
    """Whether as much was trained as was expected, by number and by cost."""
    (task,) = progress._bar.tasks
    return task.completed == task.total and progress.seconds_left == pytest.approx(0)


def study(blobs, **arguments):
    kinds = [kohort.Variant("small", build_mlp), kohort.Variant("large", build_mlp, units=(300,))]
    arguments = {"replicates": kohort.Holdout(0.2, 2), "epochs": 2, "batch_size": 50} | arguments
    return kohort.Study("sizes", kinds, blobs, **arguments)


def test_a_study_weighs_its_cohorts(blobs, shown):
    study(blobs).run(verbose=0)
    (progress,), (small, large) = shown
    assert 0 < small < large
    assert is_all_done(progress)


def test_a_race_weighs_its_cohorts_by_one_measure_at_all_looks(blobs, shown):
    race = kohort.Race(kohort.Holdout(0.2, repeats=6), first=3, looks=2)
    study(blobs, replicates=race).run(verbose=0)
    (progress,), costs = shown
    assert len(set(costs)) == 2
    assert is_all_done(progress)


def test_an_epoch_costs_as_many_steps_as_it_has(blobs):
    one, two = (
        epoch_costs(Planned.of(study(blobs, batch_size=size).spec).plan, alike=False)
        for size in (50, 10)
    )
    steps = [chunking.step_costs([member.steps])[0] for member in one]
    assert list(one.values()) == pytest.approx([8 * cost for cost in steps])
    assert len({len(one), len(two)}) == 1
    alike = epoch_costs(Planned.of(study(blobs).spec).plan, alike=True)
    assert set(alike.values()) == {1.0}


def test_a_rung_weighs_its_trials(blobs, shown):
    space = {"units": [(), (300,)], "learning_rate": kohort.Range(1e-3, 1e-2, log=True)}
    kohort.Search("s", build_mlp, space, blobs, trials=6, epochs=3, batch_size=50).run(
        confirm=2, verbose=0
    )
    (search, _), costs = shown
    rung, *of_parts = costs[:3]
    assert rung == 1.0, "it is shown as one"
    small, large = sorted(of_parts)
    assert 0 < small < large < 1
    assert is_all_done(search)


@pytest.mark.parametrize("engine", ["auto", "keras"])
def test_fit_weighs_models_of_several_programs(blobs, shown, engine):
    models = [seeded(0), seeded(1), seeded(0, units=(300,))]
    kohort.fit(models, blobs.x_train, blobs.y_train, batch_size=50, verbose=0, engine=engine)
    (progress,), costs = shown
    if engine == "keras":
        assert set(costs) == {1.0}
    else:
        small, large = costs
        assert 0 < small < large
        assert 2 * small + large == pytest.approx(3)
    assert is_all_done(progress)
