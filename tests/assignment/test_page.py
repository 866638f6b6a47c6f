"""The page about all experiments, from made-up runs."""

import re

import pytest

from jaxcovid.assignment import page
from jaxcovid.assignment.experiment_results import DIVERGED, Experiment, outcome
from jaxcovid.assignment.page import Asked, Reproduction
from jaxcovid.assignment.reported import Reported
from jaxcovid.assignment.tables import macro_f1, of_matrix
from jaxcovid.assignment.text import about, cautions, correction, summary
from jaxcovid.errors import InputError
from tests.assignment.reproductions import write_run
from tests.small_runs import blank_charts

NAME = "part1-x"
TITLE = "A & B <script>alert(1)</script> | *x* [y](z)"
REPORTED = Reported(0.84, 0.8438, ((504, 111), (116, 769)))


def experiment(root, name=NAME, corrected=(), written=(), reported=REPORTED, **changes):
    """With those right of 50 infected and 50 normal, for each seed; None is left out, "" diverged."""
    outcomes = []
    for variant, rights in (("as-written", written), ("corrected", corrected)):
        for seed, right in enumerate(rights):
            folder = f"runs/{len(list(root.rglob('*')))}/{variant}-seed{seed}"
            habits = ("last_batch_f1",) if variant == "as-written" else ()
            if right == "":
                (root / folder).mkdir(parents=True)
                (root / folder / DIVERGED).write_text("training diverged: <b>NaN\n")
            elif right is not None:
                write_run(root / folder, ((right, 50 - right), (5, 45)), habits=habits)
            outcomes.append(outcome(root, folder, variant, seed, "validation"))
    fields = {"title": TITLE, "part": 1, "source": "seed", "notes": "Odd `notes`.", **changes}
    habits = ("last_batch_f1",) if written else ()
    return Experiment(name, fields["title"], fields["part"], fields["source"], fields["notes"], reported, habits, {}, tuple(outcomes))  # fmt: skip


def asked(batch_8, batch_60):
    return {"batch_8": Asked(batch_8, "corrected"), "batch_60": Asked(batch_60, "corrected")}


def made_up(root):
    """Two experiments, one of them half done."""
    first = experiment(root, corrected=(45, 46), written=(30, ""))
    second = experiment(root, "other", corrected=(10, None), reported=None, source="question")
    return Reproduction([first, second], asked(NAME, "other"), {"seeds": 2})


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A folder with the page: two seeds, one of which diverged as written, and one is to come."""
    root = tmp_path_factory.mktemp("reproduction")
    with blank_charts():
        page.write(root, made_up(root))
    return root


def test_both_pages_say_the_same(written):
    html, markdown = ((written / name).read_text() for name in ("index.html", "README.md"))
    for text in (
        "Not for clinical use.",
        "4 of 6 runs finished, 1 diverged",
        "1 of 2 diverged",
        "1 of 2 not finished",
        "84.9 %",
        "83.0 % to 86.6 %",
        "0.8438",
        "as the original computes it: 0.4321",
        "90.5 %",
        "seeds: no spread from one",
        "Batch 60 is clearly worse than batch 8, but what was measured does not tell why.",
        "no independent test",
        "2 seeds",
    ):
        assert text in html, text
        assert text in markdown, text
    assert (
        "seeds: 84.1 % to 96.9 % (2)" in html
    )  # 0.5 points times 12.706, of one degree of freedom


def test_names_are_only_names(written):
    html, markdown = ((written / name).read_text() for name in ("index.html", "README.md"))
    assert "<script" not in html and "&lt;script&gt;" in html
    assert not re.search(r'(src|href)="(?!data:|#|runs/)', html)
    assert "<script" not in markdown and "<i>" not in markdown and "<b>" not in markdown
    rows = [line for line in markdown.splitlines() if line.startswith("| ")]
    titled = [line for line in rows if "alert" in line]
    assert titled and all(r"\*x\* \[y\](z)" in line for line in titled)
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in titled} == {5}


def test_pictures_are_files_too(written):
    named = re.findall(r"\]\((plots/.*?\.png)\)", (written / "README.md").read_text())
    found = {path.name for path in (written / "plots").iterdir()}
    assert len(named) == len(set(named)) == len(found) == (written / "index.html").read_text().count("data:image/png")  # fmt: skip


def test_links_lead_to_the_runs(written):
    links = re.findall(r'href="(runs/.*?)"', (written / "index.html").read_text())
    assert len(links) == 4
    assert all((written / link).parent.is_dir() and link.endswith("/report.html") for link in links)


CORRECTIONS = {
    "better": ((45, 45, 45), (5, 5, 5), "which is clear; the intervals over images do not overlap"),
    "worse": ((5, 5), (45, 45), "which is clear"),
    "the same": ((45, 45), (45, 45), "which is not clear; the intervals over images overlap"),
    "no common seed": ((None, 45), (45, None), "was not measured"),
}


@pytest.mark.parametrize("case", CORRECTIONS)
def test_what_correcting_changed(case, tmp_path):
    corrected, written, expected = CORRECTIONS[case]
    each = experiment(tmp_path, corrected=corrected, written=written)
    assert expected in " ".join(about(each))
    change = correction(each)
    assert (change is None) == (case == "no common seed")
    if change is not None:
        counts = (
            f"better in {int(change.above)} of 1 experiment, clearly worse in {int(change.below)}"
        )
        assert counts in summary([each])[1]


def test_no_runs_at_all(tmp_path):
    each = experiment(tmp_path, corrected=(None,), written=(None,))
    with blank_charts():
        page.write(tmp_path, Reproduction([each], asked(NAME, "other"), {}))
    assert "cannot be answered here" in (tmp_path / "index.html").read_text()
    assert "0 of 2 runs finished" in (tmp_path / "README.md").read_text()


def test_figures_of_a_printed_matrix():
    assert of_matrix(REPORTED.confusion).value == pytest.approx(1273 / 1500)
    assert macro_f1(REPORTED.confusion) == pytest.approx(REPORTED.f1, abs=5e-5)
    assert macro_f1(((0, 615), (0, 885))) == pytest.approx(0.3711, abs=5e-5)


def test_cautions(tmp_path):
    each = experiment(tmp_path, corrected=(45,))
    said = " ".join(cautions([each, each._replace(part=2)]))
    for text in (
        "phantoms are drawings",
        "random weights",
        "(validation here infected 50, normal 50; there infected 615, normal 885)",
        "part 1 must not start part 2 unsaid",
        "--patients",
        "a <i>warning</i>",
    ):
        assert text in said
    assert "only 50 image(s)" not in said


DAMAGE = {
    "no JSON": ("metrics.json", "{"),
    "no metrics": ("metrics.json", "{}"),
    "no number": ("history.csv", "epoch,step\n1,x\n"),
    "no column": ("predictions.csv", "path\na.png\n"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_a_damaged_run_is_told(case, tmp_path):
    name, content = DAMAGE[case]
    write_run(tmp_path / "run", ((1, 0), (0, 1)))
    (tmp_path / "run" / name).write_text(content)
    with pytest.raises(InputError, match=f"{name} is damaged .*; delete .* to run it again"):
        outcome(tmp_path, "run", "corrected", 0, "validation")


def test_a_run_without_a_file_is_told(tmp_path):
    write_run(tmp_path / "run", ((1, 0), (0, 1)))
    (tmp_path / "run" / "history.csv").unlink()
    with pytest.raises(InputError, match=r"history\.csv: No such file"):
        outcome(tmp_path, "run", "corrected", 0, "validation")
