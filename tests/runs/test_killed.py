"""A process that is killed while it writes a report leaves each file whole or not there."""

import json
import subprocess
import sys
import time

import pytest
from PIL import Image

pytestmark = pytest.mark.system

# Writes the same results again and again; says when it begins.
WRITER = """
import sys
from pathlib import Path
from jaxcovid.runs import artifacts
from tests.report.example import dataset, results
made_up = results(dataset({"validation": 12}))
while True:
    print("writing", flush=True)
    artifacts.write_results(Path(sys.argv[1]), made_up)
"""


def test_killed_while_writing(tmp_path):
    # The last is killed when it has written all once.
    for rounds, delay in ((1, 0.2), (1, 1.0), (2, 0.4)):
        process = subprocess.Popen([sys.executable, "-c", WRITER, tmp_path], stdout=subprocess.PIPE)
        assert process.stdout is not None
        for _ in range(rounds):
            assert process.stdout.readline()
        time.sleep(delay)
        process.kill()
        process.wait()
        process.stdout.close()
        whole = [
            path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".partial"
        ]
        for path in whole:
            if path.suffix == ".png":
                with Image.open(path) as image:
                    image.verify()
            elif path.suffix == ".html":
                assert path.read_text().endswith("</html>"), delay
            elif path.suffix == ".json":
                assert json.loads(path.read_text())["disclaimer"], delay
    assert (tmp_path / "report.html").exists() and (tmp_path / "metrics.json").exists()
