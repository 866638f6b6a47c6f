"""Options of the compiler: those that it knows."""

import jax
import jax.numpy as jnp
import pytest

from jaxcovid import compilation
from jaxcovid.compilation import compiler_options


@pytest.fixture
def asked_anew():
    compiler_options.cache_clear()
    yield
    compiler_options.cache_clear()


@pytest.mark.usefixtures("asked_anew")
def test_options_that_xla_knows_compile():
    options = compiler_options()
    assert options == compilation.QUICK_ON_CPU
    assert jax.jit(jnp.sin, compiler_options=options)(0.0) == 0


@pytest.mark.usefixtures("asked_anew")
def test_an_option_that_xla_does_not_know_is_left_out(monkeypatch):
    monkeypatch.setattr(compilation, "QUICK_ON_CPU", {"xla_cpu_no_such_option": "x"})
    assert compiler_options() == {}


@pytest.mark.usefixtures("asked_anew")
def test_accelerators_have_none(monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert compiler_options() == {}


@pytest.mark.usefixtures("asked_anew")
def test_barriers_are_heeded():
    def doubled_and_turned(images):
        return jax.lax.optimization_barrier(2 * images).T

    compiled = jax.jit(doubled_and_turned, compiler_options=compiler_options())
    assert "opt-barrier" in compiled.lower(jnp.ones((8, 64))).compile().as_text()
