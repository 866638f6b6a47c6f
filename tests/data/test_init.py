import subprocess
import sys

import pytest

from jaxcovid import data

LIGHT = ["dataset", "images", "layout", "merge", "patients", "phantom"]


@pytest.mark.parametrize("name", data.__all__)
def test_every_name_of_the_door_is_there(name):
    assert hasattr(data, name)


def test_other_names_are_not():
    with pytest.raises(AttributeError, match="nothing"):
        data.nothing  # noqa: B018


def test_what_needs_neither_jax_nor_tfds_does_not_import_them():
    modules = ", ".join(f"jaxcovid.data.{name}" for name in LIGHT)
    code = f"import sys, {modules}; print(*{{'jax', 'grain', 'tensorflow_datasets'}} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []
