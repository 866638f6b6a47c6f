"""Files and functions stay small enough to be read at a glance."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]
LONGEST_FILE, LONGEST_FUNCTION = 350, 60


def sources():
    for package in ("jaxcovid", "weights_convert", "experiments"):
        yield from sorted((ROOT / package).rglob("*.py"))


def test_no_file_is_longer_than_a_reader_holds():
    lengths = {path: len(path.read_text().splitlines()) for path in sources()}
    assert {str(path): n for path, n in lengths.items() if n > LONGEST_FILE} == {}


def test_no_function_is_longer_than_a_screen():
    long = {}
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or 0) - node.lineno + 1
                if length > LONGEST_FUNCTION:
                    long[f"{path.relative_to(ROOT)}:{node.name}"] = length
    assert long == {}


def test_every_longer_module_has_a_test_file_of_its_name():
    missing = []
    for path in sources():
        name = path.relative_to(ROOT)
        if len(path.read_text().splitlines()) <= 100 or name.parts[0] == "experiments":
            continue
        parts = name.parts[1:] if name.parts[0] == "jaxcovid" else name.parts
        test = ROOT / "tests" / Path(*parts[:-1]) / f"test_{path.stem.strip('_')}.py"
        if not test.exists():
            missing.append(str(test.relative_to(ROOT)))
    assert missing == []
