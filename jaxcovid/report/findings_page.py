"""report.html of a network that tells several findings of each image: pictures and page."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from jaxcovid.report import DISCLAIMER, gallery, parts, tables, words
from jaxcovid.report.audit_page import file_links, first_and_further
from jaxcovid.report.finding_words import finding_cautions, findings_verdict
from jaxcovid.report.interval_charts import Row, class_chart
from jaxcovid.report.operating_charts import finding_roc_chart
from jaxcovid.report.pictures import Picture, audit_pictures, chart_picture, training_pictures
from jaxcovid.report.settings_tables import settings_tables
from jaxcovid.report.tables import Table, cell
from jaxcovid.report.templates import template
from jaxcovid.report.truth import audit_sections
from jaxcovid.report.words import PER_CLASS
from jaxcovid.results import FindingResults, MeasuredFindings
from jaxcovid.statistics.findings import OF_FINDING

TILES = {
    "auroc": "mean AUROC of findings",
    "auprc": "mean AUPRC of findings",
    "exact_match": "all findings right, of images where all are known",
}


def findings_page(
    results: FindingResults, pictures: Mapping[str, Picture], *, files: Iterable[str] = ()
) -> str:
    """The HTML of such results: one file that needs no other and fetches nothing.

    `pictures` are those of `findings_pictures` by name, `files` names of those beside the page.
    """
    measured = results.splits[results.main]
    checks = [] if results.audit is None else audit_sections(results.audit, results.settings)
    curves = [name for name in ("loss", "accuracy") if name in pictures]
    return template("findings.html").render(
        title=results.title,
        verdict=findings_verdict(results),
        disclaimer=DISCLAIMER,
        cautions=first_and_further(finding_cautions(results)),
        tiles=_tiles(measured),
        interval_note=parts.interval_note(measured.metrics),
        files=file_links(files),
        pictures=pictures,
        findings=findings_table(results.main, measured),
        curves=[name for name in pictures if name.startswith("roc_")],
        others=[
            table
            for name, split in tables.in_order(results.splits).items()
            for table in (*_at_half(name, split), *_of_split(results, name, split))
        ],
        plan=None
        if results.training is None
        else parts.plan_content(results.training, results.settings, curves),
        undefined=[
            f"{name}, {what}: {reason}"
            for name, split in results.splits.items()
            for what, reason in (split.metrics or {"undefined": {}})["undefined"].items()
        ],
        examples=_examples(results),
        checks=checks,
        settings=list(settings_tables(results)),
    )


def findings_table(name: str, split: MeasuredFindings) -> Table:
    """A split's findings: how many images have each, and how well it is told."""
    metrics = split.metrics
    assert metrics is not None
    intervals = metrics["intervals"]["per_finding"]
    at_points = [key for key in AT_POINTS if key in next(iter(metrics["per_finding"].values()))]
    return {
        "title": f"Each finding: {name}",
        "caption": "",
        "header": ["finding", "with it", "AUROC", "AUPRC", *(AT_POINTS[key] for key in at_points)],
        "rows": [
            [
                finding,
                f"{values['support']} of {values['known']}",
                *(
                    cell(values[key], intervals[finding].get(key))
                    for key in ("auroc", "auprc", *at_points)
                ),
            ]
            for finding, values in metrics["per_finding"].items()
        ],
    }


AT_POINTS = {
    "sensitivity_at_90": "sensitivity at 90 % specificity",
    "sensitivity_at_95": "sensitivity at 95 % specificity",
}


def findings_pictures(results: FindingResults) -> Iterator[tuple[str, Picture]]:
    """Every picture of such results, one drawn after another, with its name below plots/."""
    if results.training is not None:
        yield from training_pictures(results.training, results.title)
    measured = results.splits[results.main]
    assert measured.metrics is not None
    by_name = measured.metrics["per_finding"]
    intervals = measured.metrics["intervals"]["per_finding"]
    title = f"{results.title}\n{results.main}"
    rows = {
        PER_CLASS[key]: [
            Row(name, values[key], intervals[name].get(key)) for name, values in by_name.items()
        ]
        for key in ("auroc", "auprc")
    }
    listed = "; ".join(
        f"{name} {'undefined' if values['auroc'] is None else format(values['auroc'], '.3f')}"
        for name, values in by_name.items()
    )
    alt = f"AUROC and AUPRC of each finding, {results.main}; AUROC: {listed}"
    yield "findings", chart_picture(class_chart(rows, title), alt, "")
    for name, split in tables.in_order(results.splits).items():
        if split.metrics is None or (name == "train" and results.training is not None):
            continue
        ends = split.metrics["intervals"]["per_finding"]
        figure = finding_roc_chart(
            split.targets, split.probabilities, results.findings, f"{results.title}\n{name}",
            intervals={finding: of.get("auroc") for finding, of in ends.items()},
            patients=split.patients,
        )  # fmt: skip
        caption = f"{name}: receiver operating characteristic of each finding"
        yield f"roc_{name}", chart_picture(figure, caption, caption)
    if results.audit is not None:
        yield from audit_pictures(results.audit)
    for number, (finding, example) in enumerate(_all_examples(results)):
        path = measured.paths[example.place]
        alt = f"The X-ray {path} as the network sees it"
        yield f"example_{number}", Picture(gallery.png(gallery.xray(example.pixels)), alt)
        heat = gallery.png(gallery.overlay(example.pixels, example.heat))
        yield f"example_{number}_grad_cam", Picture(heat, f"Heat map: what speaks for {finding}")


def _all_examples(results: FindingResults) -> Iterator[tuple[str, Any]]:
    for finding, examples in results.examples.items():
        for example in examples:
            yield finding, example


def _examples(results: FindingResults) -> list[dict[str, Any]]:
    measured = results.splits[results.main]
    columns = {name: column for column, name in enumerate(results.findings)}
    return [
        {
            "xray": f"example_{number}",
            "heat": f"example_{number}_grad_cam",
            "finding": finding,
            "kind": "Told most surely" if example.best else "Told least surely",
            "file": measured.paths[example.place],
            "probability": f"{measured.probabilities[example.place, columns[finding]]:.1%}",
        }
        for number, (finding, example) in enumerate(_all_examples(results))
    ]


def _tiles(measured: MeasuredFindings) -> list[dict[str, str]]:
    metrics = measured.metrics
    assert metrics is not None
    cells = {name: cell(metrics[name], metrics["intervals"][name]) for name in TILES}
    missing = {name: "undefined" if metrics[name] is None else "no interval" for name in TILES}
    return [
        {
            "name": TILES[name],
            "value": shown["value"],
            "interval": shown["interval"] or missing[name],
        }
        for name, shown in cells.items()
    ]


def _of_split(results: FindingResults, name: str, split: MeasuredFindings) -> Iterator[Table]:
    """The table of findings of a split that is not the one the verdict is about."""
    if split.metrics is not None and name != results.main:
        yield findings_table(name, split)


def _at_half(name: str, split: MeasuredFindings) -> Iterator[Table]:
    """What findings are where a probability above one half counts as found."""
    if split.metrics is None:
        return
    by_name, ends = split.metrics["per_finding"], split.metrics["intervals"]["per_finding"]
    keys = [key for key in OF_FINDING if key not in ("auroc", "auprc")]
    yield {
        "title": f"At a probability of one half: {name} "
        f"({words.counted(split.metrics['examples'], 'image')})",
        "caption": "",
        "header": ["finding", *(PER_CLASS[key] for key in keys)],
        "rows": [
            [finding, *(cell(values[key], ends[finding][key]) for key in keys)]
            for finding, values in by_name.items()
        ],
    }
