"""report.html: one self-contained page about a network's results."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from jaxcovid.report import DISCLAIMER, parts, tables, words
from jaxcovid.report.audit_page import file_links, first_and_further
from jaxcovid.report.between import between_sentences
from jaxcovid.report.between_tables import folds_table, seeds_table
from jaxcovid.report.cautions import run_cautions
from jaxcovid.report.pictures import Picture
from jaxcovid.report.referral import referral_content
from jaxcovid.report.settings_tables import settings_tables
from jaxcovid.report.templates import template
from jaxcovid.report.truth import truth_sections
from jaxcovid.report.verdicts import comparison_verdict, mcnemar, run_verdict
from jaxcovid.results import EXAMPLES_OF_CLASS, Measured, Results

# Each with its title and the content or picture without which it is left out.
SECTIONS = {
    "comparison": ("The two networks compared", "comparison"),
    "classes": ("Each class: sensitivity and specificity", "classes"),
    "referral": ("If the least sure images go to a reader", "referral"),
    "between": ("How far the networks differ", "between"),
    "truth": ("How much of it is not the disease", "truth"),
    "operating": ("Confusion, ROC, reliability", "operating"),
    "plan": ("What was trained, what was frozen", "plan"),
    "figures": ("All figures", "overall"),
    "examples": ("An image of each class", "examples"),
    # From here on it is an appendix, which is not printed.
    "more_examples": ("More images of each class", "more_examples"),
    "misclassified": ("Every misclassified image", "misclassified"),
    "train": ("Figures of the training images", "train"),
    "views": ("Training images as the network sees them", "training_views"),
    "checklist": ("Checklist for a publication", "checklist"),
    "settings": ("Settings, versions, data", "settings"),
}

CONTENT = (
    "title", "verdict", "tiles", "interval_note", "cautions", "files", "comparison", "classes",
    "referral",
    "between",
    "truth", "plan", "operating", "overall", "per_class", "train", "undefined",
    "examples", "more_examples", "examples_note", "seen_note", "misclassified", "checklist",
    "settings",
)  # fmt: skip

CURVES = ("loss", "accuracy")


def run_page(
    results: Results,
    pictures: Mapping[str, Picture],
    *,
    files: Iterable[str] = (),
    checklist: Sequence[Mapping[str, Any]] = (),
) -> str:
    """The HTML of a network's results: one file that needs no other and fetches nothing.

    `pictures` are those of `pictures.run_pictures`, by name; what they or the results lack is left
    out with its section. `files` are names of those beside the page, to link to. Rows of
    `checklist` have an item, what it asks, its state (of `STATES`) and its answer.
    """
    labelled = tables.in_order(
        {name: split for name, split in results.splits.items() if split.metrics is not None}
    )
    # A run's own training images tell of memory, mostly.
    aside = {"train"} if results.of_own_run and len(labelled) > 1 else set()
    shown = {name: split for name, split in labelled.items() if name not in aside}
    folded = {name: labelled[name] for name in aside}
    measured = results.splits[results.main]
    first, further = parts.example_content(results)
    return _rendered(
        title=results.title,
        verdict=run_verdict(results),
        tiles=parts.tiles(measured.metrics, results.settings.get("internal")),
        interval_note=parts.interval_note(measured.metrics),
        cautions=first_and_further(run_cautions(results)),
        files=file_links(files),
        pictures=pictures,
        classes=tables.sensitivity_table(results),
        referral=referral_content(results),
        between=_between(results),
        truth=truth_sections(results),
        plan=None
        if results.training is None
        else parts.plan_content(
            results.training, results.settings, [name for name in CURVES if name in pictures]
        ),
        operating=[_charts(name, results.main, pictures) for name in labelled],
        overall=tables.overall_table(shown) if labelled else None,
        per_class=_class_tables(results, shown),
        train=[tables.overall_table(folded), *tables.class_tables(results, folded)]
        if folded
        else None,
        undefined=list(parts.undefined_figures(labelled)),
        examples={"first": first, "further": further} if first else None,
        more_examples=further,
        examples_note=(
            f"Of {words.images_of(results.main)}, the {EXAMPLES_OF_CLASS} with the highest and the "
            f"{EXAMPLES_OF_CLASS} with the lowest probability of their true class, of each class "
            "one here. Beside each, where the network saw what speaks for the class that it "
            "predicts (Grad-CAM; red most, uncoloured least)."
        ),
        seen_note=parts.seen_note(results),
        misclassified=parts.misclassified(labelled),
        checklist=parts.checklist_table(checklist),
        settings=list(settings_tables(results)),
    )


def _between(results: Results) -> dict[str, Any] | None:
    """How far folds and seeds differ; None where there is one network."""
    sentences = between_sentences(results)
    tables = [table for table in (folds_table(results), seeds_table(results)) if table is not None]
    return {"sentences": sentences, "tables": tables} if sentences else None


def comparison_page(
    first: Results,
    second: Results,
    compared: Mapping[str, Any],
    pictures: Mapping[str, Picture],
    *,
    files: Iterable[str] = (),
) -> str:
    """The HTML of two networks on the same images; it refers to the page that each has besides.

    `compared` is what `statistics.compare` found of them, `pictures` the `comparison_picture` by
    its name, `files` are names of those beside the page.
    """
    return _rendered(
        title=f"{first.title} (first), {second.title} (second)",
        verdict=comparison_verdict(first, second, compared),
        interval_note=parts.interval_note(compared),
        cautions=first_and_further(run_cautions(first), run_cautions(second)),
        files=file_links(files),
        pictures=pictures,
        comparison={
            "mcnemar": mcnemar(compared),
            "table": tables.difference_table(compared),
        },
        settings=[
            *settings_tables(first),
            *(table for table in settings_tables(second) if table["title"].startswith("The run")),
        ],
    )


def _rendered(pictures: Mapping[str, Picture], **content: Any) -> str:
    """The template filled in; what is not given is left out, with its section."""
    content = dict.fromkeys(CONTENT) | content
    has_content = {
        name: bool(content[needed]) if needed in content else needed in pictures
        for name, (_, needed) in SECTIONS.items()
    }
    sections = [
        {"id": name, "title": title} for name, (title, _) in SECTIONS.items() if has_content[name]
    ]
    return template("page.html").render(
        content,
        pictures=pictures,
        sections=sections,
        has_content=has_content,
        disclaimer=DISCLAIMER,
    )


def _class_tables(results: Results, shown: Mapping[str, Measured]) -> dict[str, Any]:
    """Tables of classes: those of the main split that stand open, and those a click away."""
    main = {name: split for name, split in shown.items() if name == results.main}
    others = {name: split for name, split in shown.items() if name != results.main}
    of_main = tables.class_tables(results, main)
    opened = [table for table in of_main if not table["title"].startswith("At thresholds")]
    closed = [table for table in of_main if table not in opened]
    return {"first": opened, "second": [*closed, *tables.class_tables(results, others)]}


def _charts(split: str, main: str, pictures: Mapping[str, Picture]) -> dict[str, Any]:
    """Names of a split's charts, those that stand first and others; folded but for `main`."""

    def known(*kinds: str) -> list[str]:
        return [f"{kind}_{split}" for kind in kinds if f"{kind}_{split}" in pictures]

    return {
        "title": f"{words.split_name(split)} images",
        "names": [
            *known("confusion", "roc", "reliability"),
            *(name for name in pictures if name.startswith(f"net_benefit_{split}_")),
        ],
        "further": known("precision_recall"),
        "folded": split != main,
    }
