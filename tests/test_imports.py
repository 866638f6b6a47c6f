"""The house: imports point one way, and no folder goes round in a circle."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# From the top down; folders of one level may import each other one way. Files of the package's own
# folder are the ground, below which only weights_convert lies.
LEVELS = (
    {"cli"},
    {"assignment", "sweeps"},
    {"runs"},
    {"report"},
    {"audits"},
    {"inference"},
    {"training"},
    {"models", "data", "statistics"},
    {
        "checksums",
        "compilation",
        "config",
        "config_problems",
        "csv_file",
        "errors",
        "json_file",
        "operating_point",
        "parallel",
        "regular_file",
        "results",
        "seal",
        "stored_shapes",
    },
    {"weights_convert"},
)
LEVEL = {room: number for number, rooms in enumerate(LEVELS) for room in rooms}


def room_of(module):
    """The folder (or file of the package's own folder) that a module lies in; None if not ours."""
    package, *parts = module.split(".")
    if package == "weights_convert":
        return package
    return parts[0] if package == "jaxcovid" and parts else None


def imported(path):
    """The modules that a file names in its import statements, relative ones resolved."""
    module = path.relative_to(ROOT).with_suffix("").parts
    package = module[:-1]  # of a module and of an __init__ alike
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            origin = ".".join(filter(None, (base, node.module)))
            # What is imported may be a module or a name in one.
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def arrows():
    """(file, its room, the room that it imports), of all that are in different rooms."""
    for package in ("jaxcovid", "weights_convert"):
        for path in sorted((ROOT / package).rglob("*.py")):
            if path == ROOT / "jaxcovid" / "__init__.py":
                continue  # the public door names all floors, and imports them when asked
            here = room_of(".".join(path.relative_to(ROOT).with_suffix("").parts))
            for module in imported(path):
                there = room_of(module)
                if there is not None and there != here:
                    yield str(path.relative_to(ROOT)), here, there


def test_imports_point_one_way():
    against = [
        f"{path} imports {there}" for path, here, there in arrows() if LEVEL[there] < LEVEL[here]
    ]
    assert against == []


def test_no_circle_between_folders_of_one_level():
    pairs = {(here, there) for _, here, there in arrows() if LEVEL[here] == LEVEL[there]}
    reach = set(pairs)
    while more := {(one, far) for one, near in reach for at, far in pairs if at == near} - reach:
        reach |= more
    assert [room for room in LEVEL if (room, room) in reach] == []


def test_every_room_has_its_level():
    rooms = {path.stem for path in (ROOT / "jaxcovid").iterdir() if not path.name.startswith("__")}
    assert rooms == set(LEVEL) - {"weights_convert"}


def test_weights_convert_needs_neither_jax_nor_torch():
    for path in (ROOT / "weights_convert").rglob("*.py"):
        packages = {module.split(".")[0] for module in imported(path)}
        assert packages.isdisjoint({"jax", "jaxlib", "flax", "torch", "jaxcovid"}), path


SOURCES = {
    "absolute": ("from jaxcovid.cli import train", {"jaxcovid.cli.train"}),
    "module": ("import jaxcovid.cli.train", {"jaxcovid.cli.train"}),
    "late": ("def f():\n    from jaxcovid import cli", {"jaxcovid.cli"}),
    "relative": ("from ..cli import train", {"jaxcovid.cli.train"}),
    "of the same folder": ("from . import step", {"jaxcovid.training.step"}),
}


@pytest.mark.parametrize("case", SOURCES)
def test_all_forms_of_imports_are_seen(case, tmp_path, monkeypatch):
    text, expected = SOURCES[case]
    path = tmp_path / "jaxcovid" / "training" / "x.py"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    assert set(imported(path)) == expected


def test_core_names_no_assignment_and_no_architecture():
    """But for the two tables of architectures; the phantom of a name would tie the core to it."""
    words = ("resnet18", "resnet34", "vgg16", "assignment", "habits")
    tables = {"jaxcovid/models/registry.py", "weights_convert/names.py"}
    outside = ("jaxcovid/assignment/", "jaxcovid/cli/")
    # What users call the augmentation of torchvision's usual bounds.
    called = {"jaxcovid/config.py: assignment", "jaxcovid/data/augmentations.py: assignment"}
    named = []
    for package in ("jaxcovid", "weights_convert"):
        for path in (ROOT / package).rglob("*.py"):
            name = str(path.relative_to(ROOT))
            if name in tables or name.startswith(outside):
                continue
            code = ast.parse(path.read_text())
            for node in ast.walk(code):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    is_doc = " " in node.value or "\n" in node.value
                    named += [
                        f"{name}: {word}" for word in words if word in node.value and not is_doc
                    ]
                if isinstance(node, ast.Name | ast.Attribute):
                    word = node.id if isinstance(node, ast.Name) else node.attr
                    named += [f"{name}: {word}"] * (word.lower() in words)
    assert [name for name in named if name not in called] == []
