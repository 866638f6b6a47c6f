import base64
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from jaxcovid import report
from jaxcovid.runs import artifacts
from tests.report.example import CLASSES, dataset, predictions, results

# The order in which a reader is to meet them.
HEADINGS = [
    "What was trained, what was frozen", "Loss and accuracy while training", "Confusion matrices",
    "ROC and precision-recall curves", "Are its probabilities to be believed?", "All figures",
    "Best and worst images of each class", "Every misclassified image",
    "Training images as the network sees them", "Settings, versions, data, warnings",
]  # fmt: skip


class Page(HTMLParser):
    """What a browser would see: tags, pictures, text by heading."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.images, self.text, self.headings = [], [], [], []
        self._tag = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._tag = tag
        if tag == "img":
            self.images.append(dict(attrs))

    def handle_endtag(self, tag):
        self._tag = ""

    def handle_data(self, data):
        if self._tag not in ("style", "script"):
            self.text.append(data)
        if self._tag == "h2":
            self.headings.append(data)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    artifacts.write_results(folder, results())
    return folder, Page((folder / "report.html").read_text())


def test_sections_come_in_order(written):
    assert written[1].headings == HEADINGS


def test_names_are_only_names(written):
    page = written[1]
    assert [tag for tag, _ in page.tags].count("script") == 1  # the page's own
    assert all(
        "onerror" not in attributes and attributes.get("src") != "x" for _, attributes in page.tags
    )
    text = " ".join("".join(page.text).split())
    for name in (*CLASSES, "x-rays <b>", "a <b>warning</b>", "train/a/<i>broken.png: cut short"):
        assert name in text, name


def test_nothing_is_fetched(written):
    html = (written[0] / "report.html").read_text()
    assert not re.findall(r"""(?:src|href)=["'](?!data:|#)""", html)
    assert "default-src 'none'" in html and "@import" not in html and "url(" not in html


def test_every_picture_is_described_and_lies_in_plots(written):
    folder, page = written
    files = {path.read_bytes() for path in (folder / "plots").iterdir()}
    pictures = [base64.b64decode(image["src"].partition("base64,")[2]) for image in page.images]
    assert set(pictures) == files and len(pictures) == len(files)
    assert all(len(image["alt"]) > 10 for image in page.images)
    # Two curves, augmented images, three matrices, three charts of two splits, 12 pairs.
    assert len(pictures) == 2 + 1 + 3 + 3 * 2 + 2 * 12


def test_says_what_matters(written):
    text = "".join(written[1].text)
    assert "Not for clinical use." in text
    assert re.search(r"Of 30 test images it classifies \d+\.\d % right \(95 % interval", text)
    for part in (
        "164,160 of 173,696 parameters trained", "all 100 frozen arrays", "test (30 images of 15 patients)",
        "random weights", "1 unreadable image left out", "test: 3 classes hold fewer than 30 images",
        "f" * 32, "9.0 s for 3 epoch(s)",
    ):  # fmt: skip
        assert part in text, part


def test_every_misclassified_image_is_listed(written):
    folder, page = written
    rows = [line.split(",") for line in (folder / "predictions.csv").read_text().splitlines()]
    wrong = sum("False" in row for row in rows)
    assert (
        10
        < wrong
        == sum(tag == "td" and "data-value" in attributes for tag, attributes in page.tags) / 2
    )


def test_the_page_is_small(written):
    assert (written[0] / "report.html").stat().st_size < 5_000_000


def test_metrics_come_last_and_a_failure_leaves_no_half_page(tmp_path, monkeypatch):
    def fail(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(report, "run_page", fail)
    with pytest.raises(KeyboardInterrupt):
        artifacts.write_results(tmp_path, results(dataset({"validation": 12}), with_training=False))
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"plots", "predictions.csv"}


def one_class_only(data):
    split = data.splits["test"]._replace(labels=np.zeros(12, np.int32))
    return data._replace(splits={"test": split})


def without_labels(data):
    return data._replace(
        splits={
            **data.splits,
            "test": data.splits["test"]._replace(labels=np.full(12, -1, np.int32)),
        }
    )


CASES = {
    "one class only": (one_class_only(dataset({"test": 12})), "needs examples of this class"),
    "one image": (dataset({"test": 1}), "of others"),
    "patients unknown": (dataset({"test": 12}, patients=False), "(`patients`)"),
    "unlabelled test": (
        without_labels(dataset({"validation": 12, "test": 12})),
        "12 validation images",
    ),
    "many classes": (dataset({"test": 28}, [f"class {n}" for n in range(14)]), "class 13"),
}


@pytest.mark.parametrize("case", CASES)
def test_odd_data(case, tmp_path):
    data, part = CASES[case]
    known = data._replace(
        splits={
            name: split._replace(labels=split.labels.clip(0)) for name, split in data.splits.items()
        }
    )
    artifacts.write_results(
        tmp_path, results(data, with_training=False, predictions=predictions(known))
    )
    assert part in "".join(Page((tmp_path / "report.html").read_text()).text)
    assert json.loads((tmp_path / "metrics.json").read_text())["disclaimer"]


def test_perfect_and_never_right(tmp_path):
    data = dataset({"test": 12})
    artifacts.write_results(
        tmp_path, results(data, with_training=False, predictions=predictions(data, skill=30))
    )
    text = "".join(Page((tmp_path / "report.html").read_text()).text)
    assert "None: every labelled image is classified right." in text
    worst = results(data, with_training=False, predictions=predictions(data, skill=-30))
    artifacts.write_results(tmp_path, worst)
    text = "".join(Page((tmp_path / "report.html").read_text()).text)
    assert (
        "not one image is recognised of 3 classes: <script>alert(1)</script>, normal & healthy"
        in text
    )
    assert "; of 3 of the 3 classes not one image is recognised." in text
