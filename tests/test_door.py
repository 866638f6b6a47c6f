"""The public door: what it offers, that it is light, and that its examples run."""

import doctest
import inspect
import pathlib
import subprocess
import sys
import time

import jax
import numpy
import pytest

import jaxcovid


@pytest.fixture(scope="module")
def names(finished, tmp_path_factory):
    """What the examples may use: a finished run, its images, and a folder for more."""
    from jaxcovid.config import stored

    return {
        "jaxcovid": jaxcovid,
        "jnp": jax.numpy,
        "numpy": numpy,
        "pathlib": pathlib,
        "run": finished,
        "xrays": stored(finished).data,
        "folder": tmp_path_factory.mktemp("examples"),
    }


# Whole runs: they take a while.
LONG = ("fine_tune", "sweep")


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.system] * (name in LONG)) for name in jaxcovid.__all__],
)
def test_every_name_has_an_example_that_runs(name, names, undrawn):
    value = getattr(jaxcovid, name)
    examples = doctest.DocTestParser().get_doctest(
        inspect.getdoc(value) or "", dict(names), name, inspect.getsourcefile(value), 0
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


def test_import_is_light():
    """JAX is loaded on first use; the time is the best of a few, as other tests run beside."""
    code = "import sys, jaxcovid; sys.exit('jax' in sys.modules or 'numpy' in sys.modules)"
    seconds = []
    while len(seconds) < 5 and min(seconds, default=1) >= 0.3:
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        seconds.append(time.perf_counter() - started)
    assert min(seconds) < 0.3
