"""The public door: what it offers, that it is light, and that its examples run."""

import doctest
import importlib
import inspect
import pathlib
import subprocess
import sys
import time

import jax
import numpy
import pytest

import jaxcovid
from tests.small_runs import blank_charts, config, noise_folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """What the examples of a trained network may use besides: a ResNet18's run, and its images."""
    folder = tmp_path_factory.mktemp("examples")
    images = noise_folder(folder / "xrays", 6, 4)
    with blank_charts():
        run = jaxcovid.fine_tune(config(images, folder / "trained", model="resnet18"))
    return {"run": run, "xrays": str(images), "folder": folder}


# Names whose examples train a ResNet18, or take one.
LONG = (
    "InferenceModel", "Results", "evaluate", "fine_tune", "grad_cam", "load", "predict", "sweep",
)  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.system] * (name in LONG)) for name in jaxcovid.__all__],
)
def test_every_name_has_an_example_that_runs(name, request, undrawn):
    names = {"jaxcovid": jaxcovid, "jnp": jax.numpy, "numpy": numpy, "pathlib": pathlib}
    if name in LONG:
        names |= request.getfixturevalue("trained")
    value = getattr(jaxcovid, name)
    examples = doctest.DocTestParser().get_doctest(
        inspect.getdoc(value) or "", names, name, inspect.getsourcefile(value), 0
    )
    assert examples.examples, f"{name} has no example"
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    runner.run(examples, out=report.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(report)


def test_about_a_dozen_names_each_known_where_it_comes_from():
    assert 10 <= len(jaxcovid.__all__) <= 14
    assert sorted(jaxcovid.__all__) == jaxcovid.__all__
    assert set(jaxcovid.__all__) <= set(dir(jaxcovid))
    for name in jaxcovid.__all__:
        assert getattr(jaxcovid, name).__module__.startswith("jaxcovid.")


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="fine_tuned"):
        _ = jaxcovid.fine_tuned


PACKAGES = ["data", "inference", "models", "report", "runs", "statistics", "sweeps", "training"]


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_has_the_names_of_its_door_and_no_others(package):
    door = importlib.import_module(f"jaxcovid.{package}")
    assert door.__all__ and not [name for name in door.__all__ if not hasattr(door, name)]
    with pytest.raises(AttributeError, match="nothing"):
        _ = door.nothing


# Imports, and the packages that each must do without.
LIGHT = {
    "import jaxcovid": {"jax", "numpy"},
    "from jaxcovid.data import dataset, images, layout, merge, patients, phantom": {
        "jax", "grain", "tensorflow_datasets",
    },
    "from jaxcovid.training import make_train_step": {"orbax", "grain", "tensorflow_datasets"},
}  # fmt: skip


@pytest.mark.parametrize("imports", LIGHT)
def test_what_needs_no_large_package_imports_none(imports):
    code = f"import sys; {imports}; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert LIGHT[imports].isdisjoint(run.stdout.split())


def test_import_takes_no_time():
    """The best of a few, as other tests run beside."""
    seconds = []
    while len(seconds) < 5 and min(seconds, default=1) >= 0.3:
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", "import jaxcovid"], check=True)
        seconds.append(time.perf_counter() - started)
    assert min(seconds) < 0.3
