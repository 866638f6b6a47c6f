"""torch and torchvision, also where torchvision's compiled operators do not load."""

import importlib.util
import re
import warnings
from pathlib import Path

import pytest

_kept = []  # a library must stay referenced


def _declare_operators(torch) -> None:
    """Torchvision's wheel is built for CUDA: beside a CPU torch its operators lack a schema."""
    root = importlib.util.find_spec("torchvision").submodule_search_locations[0]
    source = Path(root, "_meta_registrations.py").read_text()
    library = torch.library.Library("torchvision", "DEF")
    for name in sorted(
        set(re.findall(r'register_(?:fake|meta)\("(?:torchvision::)?(\w+)"', source))
    ):
        library.define(f"{name}(Tensor x) -> Tensor")
    _kept.append(library)


@pytest.fixture(scope="session")
def torch():
    torch = pytest.importorskip("torch", reason="needs torch: pip install '.[parity]'")
    torch.manual_seed(0)
    return torch


@pytest.fixture(scope="session")
def torchvision(torch):
    if importlib.util.find_spec("torchvision") is None:
        pytest.skip("needs torchvision: pip install '.[parity]'")
    if torch.version.cuda is None:
        _declare_operators(torch)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import torchvision
    return torchvision
