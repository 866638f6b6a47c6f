"""How programs are compiled, and where they are kept."""

import jax
import jax.numpy as jnp
import pytest

from jaxcovid import compilation
from jaxcovid.compilation import compiler_options, keep_programs

SETTINGS = (
    "jax_compilation_cache_dir",
    "jax_compilation_cache_max_size",
    "jax_persistent_cache_min_compile_time_secs",
)


@pytest.fixture
def told():
    """What JAX is told while it does not yet know of a folder; it does not come to know."""
    before = jax.config.values[SETTINGS[0]]
    jax.config.update(SETTINGS[0], None)
    given = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jax.config, "update", given.__setitem__)
        yield given
    jax.config.update(SETTINGS[0], before)


@pytest.fixture
def asked_anew():
    compiler_options.cache_clear()
    yield
    compiler_options.cache_clear()


@pytest.mark.usefixtures("asked_anew")
def test_options_that_xla_knows_compile():
    options = compiler_options()
    assert options == compilation.EIGEN
    assert jax.jit(jnp.sin, compiler_options=options)(0.0) == 0


@pytest.mark.usefixtures("asked_anew")
def test_an_option_that_xla_does_not_know_is_left_out(monkeypatch):
    monkeypatch.setattr(compilation, "EIGEN", {"xla_cpu_no_such_option": "x"})
    assert compiler_options() == {}


@pytest.mark.usefixtures("asked_anew")
def test_accelerators_have_none(monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert compiler_options() == {}


def test_programs_are_kept_by_kind_of_processor(told, tmp_path, monkeypatch):
    keep_programs(tmp_path / "compiled")
    folder = told[SETTINGS[0]]
    assert set(told) == set(SETTINGS)
    assert [str(path) for path in (tmp_path / "compiled").iterdir()] == [folder]
    monkeypatch.setattr(compilation, "_processor", lambda: "another")
    keep_programs(tmp_path / "compiled")
    assert told[SETTINGS[0]] != folder


def test_a_folder_that_cannot_be_made_keeps_nothing(told, tmp_path):
    (tmp_path / "file").touch()
    keep_programs(tmp_path / "file")
    assert told == {}


def test_a_folder_that_jax_was_told_of_stays(tmp_path):
    before = jax.config.values[SETTINGS[0]]
    assert before is not None
    keep_programs(tmp_path)
    assert jax.config.values[SETTINGS[0]] == before
    assert list(tmp_path.iterdir()) == []
