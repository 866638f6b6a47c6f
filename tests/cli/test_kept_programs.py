"""Where compiled programs are kept, and what becomes of damaged ones."""

import os
import subprocess
import sys
import warnings

import jax
import pytest

from jaxcovid.cli import kept_programs
from jaxcovid.cli.kept_programs import keep_programs

SETTINGS = (
    "jax_compilation_cache_dir",
    "jax_compilation_cache_max_size",
    "jax_persistent_cache_min_compile_time_secs",
)


@pytest.fixture
def told(tmp_path):
    """What JAX is told while it does not yet know of a folder; it does not come to know."""
    before = jax.config.values[SETTINGS[0]]
    jax.config.update(SETTINGS[0], None)
    given = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAXCOVID_CACHE", str(tmp_path))
        patch.setattr(warnings, "showwarning", warnings.showwarning)
        patch.setattr(jax.config, "update", given.__setitem__)
        yield given
    jax.config.update(SETTINGS[0], before)


def test_programs_are_kept_by_kind_of_processor(told, tmp_path, monkeypatch):
    keep_programs()
    folder = told[SETTINGS[0]]
    assert set(told) == set(SETTINGS)
    assert [str(path) for path in (tmp_path / "compiled").iterdir()] == [folder]
    monkeypatch.setattr(kept_programs, "_processor", lambda: "another")
    keep_programs()
    assert told[SETTINGS[0]] != folder


def test_a_folder_that_cannot_be_made_keeps_nothing(told, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("JAXCOVID_CACHE", str(tmp_path / "file"))
    keep_programs()
    assert told == {}


def test_a_folder_that_jax_was_told_of_stays(tmp_path, monkeypatch):
    monkeypatch.setenv("JAXCOVID_CACHE", str(tmp_path))
    before = jax.config.values[SETTINGS[0]]
    assert before is not None
    keep_programs()
    assert jax.config.values[SETTINGS[0]] == before
    assert list(tmp_path.iterdir()) == []


def test_damaged_programs_are_made_anew(tmp_path):
    """In a process of its own, as JAX opens its cache once."""
    script = (
        "import jax\n"
        "from jaxcovid.cli.kept_programs import keep_programs\n"
        "keep_programs()\n"
        "jax.jit(lambda x: x + 1)(1.0)\n"
    )
    environment = {**os.environ, "JAXCOVID_CACHE": str(tmp_path)}
    environment.pop("JAX_COMPILATION_CACHE_DIR", None)

    def run():
        done = subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stderr, sorted(tmp_path.glob("compiled/*/*-cache"))

    message, programs = run()
    assert message == ""
    assert programs
    for program in programs:
        program.write_bytes(program.read_bytes()[:20])
    message, _ = run()
    assert message == f"Kept programs in {programs[0].parent} are damaged; they are made anew\n"
    assert run() == ("", programs)
