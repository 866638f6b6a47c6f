"""The runs of a reproduction, one after another."""

from jaxcovid.assignment.plan import ReproductionSettings, planned_runs
from jaxcovid.assignment.reproduce import remaining_time


def test_how_long_it_will_take():
    runs = planned_runs(ReproductionSettings(seeds=1))
    resnet, vgg = (
        [run for run in runs if (run.config.model, run.config.trainable) == (model, "head")]
        for model in ("resnet18", "vgg16")
    )
    finished = [(resnet[0], 10.0 * resnet[0].config.epochs)]
    assert remaining_time(finished, []) == ""
    assert remaining_time(finished, [resnet[1]]) == f"{round(resnet[1].config.epochs / 6)} min"
    assert remaining_time([(resnet[0], 1.0)], [resnet[1]]).endswith(" s")
    finished.append((vgg[0], 3600.0 * vgg[0].config.epochs))
    assert remaining_time(finished, [vgg[0]]) == f"{vgg[0].config.epochs} h 0 min"
