import base64
import functools
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from jaxcovid import report
from jaxcovid.report import page
from jaxcovid.report.cautions import Cautions
from jaxcovid.report.checklist import STATES
from jaxcovid.report.truth import TITLES
from jaxcovid.runs import artifacts
from tests.report import planted
from tests.report.example import CLASSES, dataset, predictions, results
from tests.small_runs import blank_charts, blank_heat_maps

# The order in which a reader is to meet them.
HEADINGS = [
    "Each class: sensitivity and specificity", "If the least sure images go to a reader",
    "How much of it is not the disease",
    "Confusion, ROC, reliability", "What was trained, what was frozen", "All figures",
    "An image of each class", "Further warnings", "More images of each class",
    "Every misclassified image",
    "Figures of the training images", "Training images as the network sees them",
    "Checklist for a publication", "Settings, versions, data",
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
    artifacts.write_results(folder, results()._replace(audit=planted.audit()))
    return folder, Page((folder / "report.html").read_text())


@functools.cache
def example():
    """Results, and their pictures."""
    return with_pictures(results())


def with_pictures(given):
    """The results, and their pictures, of which none is looked at."""
    with blank_charts():
        return given, dict(report.run_pictures(given))


def shown(given=None, **options):
    return report.run_page(*(example() if given is None else with_pictures(given)), **options)


@pytest.fixture
def cold():
    """Heat maps stay undrawn."""
    with blank_heat_maps():
        yield


def test_sections_come_in_order(written):
    assert written[1].headings == HEADINGS


def test_a_checklist_says_who_answers():
    text = "".join(Page(shown(checklist=planted.CHECKLIST)).text)
    assert {row["state"] for row in planted.CHECKLIST} == set(STATES)
    for part in (*STATES.values(), "RT-PCR <b>"):
        assert part in text, part


def test_what_has_no_content_has_no_section():
    made_up = results(dataset({"test": 12}), with_training=False)
    nothing_skipped = {**made_up.settings["dataset"], "skipped": []}
    made_up = made_up._replace(settings={**made_up.settings, "dataset": nothing_skipped})
    headings = Page(shown(made_up)).headings
    missing = {"Further warnings", "How much of it is not the disease", "What was trained, what was frozen",
               "Figures of the training images", "Training images as the network sees them"}  # fmt: skip
    assert headings == [name for name in HEADINGS[:-2] + HEADINGS[-1:] if name not in missing]


def links(html):
    return [
        link for link in re.findall('href="([^"]*)"', html) if not link.startswith(("data:", "#"))
    ]


def test_links_lead_to_files_beside_the_page(written):
    folder, _ = written
    expected = ["predictions.csv", "metrics.json", "audit.json", "checklist.md"]
    assert links((folder / "report.html").read_text()) == expected
    assert all((folder / name).exists() for name in expected)
    files = ["weights.pth", "something.else", "audit.json"]
    assert links(shown(files=files)) == ["audit.json", "weights.pth"]


def test_more_warnings_than_a_screen_holds_stand_further_down(monkeypatch):
    weighty, others = [f"warning number {n}" for n in range(8)], ["a note"]
    monkeypatch.setattr(page, "run_cautions", lambda _: Cautions(weighty, others))
    first, _, rest = shown().partition("and 3 more")
    assert [caution in first for caution in (*weighty, *others)] == [True] * 6 + [False] * 3
    places = [rest.index(caution) for caution in ('id="warnings"', *weighty[6:], *others)]
    assert places == sorted(places)


def test_a_note_alone_takes_no_place_on_the_first_screen(monkeypatch):
    monkeypatch.setattr(page, "run_cautions", lambda _: Cautions([], ["a note"]))
    first, _, rest = shown().partition('id="warnings"')
    assert "a note" not in first and "a note" in rest and "#warnings" not in first


def test_an_evaluation_says_what_the_run_reported_of_its_own_images():
    made_up = results(dataset({"test": 12}), with_training=False)
    internal = {"split": "validation", "auroc": planted.figure(0.92)}
    made_up = made_up._replace(settings={**made_up.settings, "internal": internal})
    text = "".join(Page(shown(made_up)).text)
    # The verdict has the one figure in words, the tile of that figure its interval beside it.
    assert text.count("On its own validation images macro AUROC was 0.920") == 1
    assert text.count("its own validation images: 0.920 (0.880 to 0.960)") == 1
    assert text.count("own validation images") == 2


def test_test_images_come_before_train_which_is_folded():
    html = shown()
    assert html.index("test images") < html.index("validation images") < html.index("train images")
    folded = html[html.index("All figures of the training images") :]
    assert "Each class against the others: train" in folded[: folded.index("</details>")]


AUDITS = {"found": planted.FOUND, "clean": planted.CLEAN, "not run": planted.UNKNOWN}


@pytest.mark.parametrize("case", AUDITS)
def test_the_page_of_an_audit(case):
    audit = planted.audit(AUDITS[case])
    with blank_charts():
        pictures = dict(report.audit_pictures(audit))
    html = report.audit_page(
        "Audit of <b>",
        "a verdict",
        audit,
        pictures,
        cautions=["a <i>warning"],
        files=["audit.json"],
    )
    text = "".join(Page(html).text)
    for part in (
        "Audit of <b>",
        "a verdict",
        "Not for clinical use.",
        "a <i>warning",
        *TITLES.values(),
    ):
        assert part in text, part
    assert links(html) == ["audit.json"] and "<script>" not in html
    state = {"found": "failed", "clean": "passed", "not run": "not run"}[case]
    assert html.count(f">{state}</span>") == 2 * len(TITLES)
    assert len(re.findall("<img", html)) == (4 if case == "found" else 0)


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
    assert not re.findall(r"""src=["'](?!data:)""", html)
    assert (
        "default-src 'none'" in html
        and "@import" not in html
        and not re.findall(r"url\((?!#)", html)
    )


def test_every_picture_is_described_and_lies_in_plots(written):
    folder, page = written
    files = {path.read_bytes() for path in (folder / "plots").iterdir()}
    photographs = [image for image in page.images if image["src"].startswith("data:image/png")]
    pictures = [base64.b64decode(image["src"].partition("base64,")[2]) for image in photographs]
    charts = [attributes["aria-label"] for tag, attributes in page.tags if tag == "svg"]
    assert set(pictures) <= files and len(pictures) + len(charts) == len(files)
    assert all(len(alt) > 10 for alt in [*charts, *(image["alt"] for image in photographs)])
    # Augmented images, two pairs that look alike, 12 examples.
    assert len(pictures) == 1 + 2 * 2 + 2 * 12
    # Two curves, classes, what is left, three matrices, three charts of two splits, floors, and a
    # learning curve.
    assert len(charts) == 2 + 2 + 3 + 3 * 2 + 2


def test_misclassified_images_have_small_pictures(written):
    _, page = written
    small = [image for image in page.images if image["src"].startswith("data:image/jpeg")]
    made_up, _ = example()
    assert len(small) == sum(len(split.mistakes) for split in made_up.splits.values()) > 10


def test_says_what_matters(written):
    text = "".join(written[1].text)
    assert "Not for clinical use." in text
    assert re.search(r"Of 30 test images it classifies \d+\.\d\s% right \(95\s% interval", text)
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


def test_metrics_come_last_and_a_failure_leaves_no_half_page(tmp_path, monkeypatch, undrawn):
    def fail(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(report, "run_page", fail)
    with pytest.raises(KeyboardInterrupt):
        artifacts.write_results(tmp_path, results(dataset({"validation": 12}), with_training=False))
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"plots", "predictions.csv", "checklist.md"}


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
    "patients unknown": (dataset({"test": 12}, patients=False), "(patients)"),
    "unlabelled test": (
        without_labels(dataset({"validation": 12, "test": 12})),
        "12 validation images",
    ),
    "many classes": (dataset({"test": 28}, [f"class {n}" for n in range(14)]), "class 13"),
}


@pytest.mark.parametrize("case", CASES)
def test_odd_data(case, tmp_path, cold):
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


def test_perfect_and_never_right(tmp_path, cold):
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
