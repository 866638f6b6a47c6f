"""How much of a figure is not the disease: what audits of the data found, for a page to lay out."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from jaxcovid.report import tables
from jaxcovid.report.checks import NAMES, STATES, group_line
from jaxcovid.report.feature_checks import (
    labels_content,
    out_of_place_content,
    sample_size_content,
)
from jaxcovid.report.floors import figure_cells, floor_content
from jaxcovid.report.levers import advice
from jaxcovid.report.tables import MISSING, Table
from jaxcovid.report.words import OVERALL, ends, percents, reason_words, sentence, split_name
from jaxcovid.results import Audit, Results

TITLES = {name: f"{text[0].upper()}{text[1:]}" for name, text in NAMES.items()}

KINDS = {
    "equal": "equal pixels",
    "copy": "a copy, perhaps resized or saved anew",
    "mirrored": "a mirrored copy",
    "inverted": "an inverted copy",
}

BLANKED = {
    "whole": "whole image",
    "lungs_blanked": "lungs blanked",
    "border_blanked": "border blanked",
}

SUBGROUP_FIGURES = ("accuracy", "balanced_accuracy", "auroc")


class Section(NamedTuple):
    """A check: its state in a word, what it found in sentences and tables, names of pictures."""

    id: str
    title: str
    state: str
    sentences: Sequence[str]
    tables: Sequence[Table] = ()
    charts: Sequence[str] = ()
    # Names of two pictures, and what they show.
    pairs: Sequence[tuple[str, str, str]] = ()
    # Names of single pictures, and what they show.
    singles: Sequence[tuple[str, str]] = ()


def truth_sections(results: Results) -> list[Section]:
    """The checks of the data that the results carry."""
    return [] if results.audit is None else audit_sections(results.audit, results.settings)


def audit_sections(audit: Audit, record: Mapping[str, Any]) -> list[Section]:
    """A section for every check of an audit, in the order of `TITLES`.

    `record` is what config.json holds of the run, the evaluation or the audit.
    """
    content = {
        "blind_floor": lambda check, _: floor_content(check),
        "lungs": _lungs,
        "duplicates": _duplicates,
        "patients": _patients,
        "sources": _sources,
        "blocks": _blocks,
        "subgroups": _subgroups,
        "out_of_place": lambda check, _: out_of_place_content(check),
        "labels": labels_content,
        "sample_size": lambda check, _: sample_size_content(check),
    }
    sections = []
    for name, title in TITLES.items():
        if (check := audit.checks.get(name)) is None:
            continue
        section = Section(name, title, STATES[check["passed"]], _reasons(check))
        if check["passed"] is not None or _has_figures(check):
            of_check = content[name](check, audit)
            found, tips = of_check["sentences"], advice(name, audit.checks, record)
            sentences = [*section.sentences, *found, *tips]
            section = section._replace(**{**of_check, "sentences": sentences})
        sections.append(section)
    return sections


def _has_figures(check: Mapping[str, Any]) -> bool:
    """Whether a check that could not be judged was measured all the same."""
    measured = any(isinstance(part, Mapping) and part.get("auroc") for part in check.values())
    return measured or check.get("false_alarms") is not None


def checks_table(sections: Sequence[Section]) -> Table:
    """The state of every check in a word, and its first sentence."""
    return {
        "title": "Checks",
        "caption": "",
        "header": ["check", "state", ""],
        "rows": [
            [section.title, {"state": section.state}, section.sentences[0]]
            for section in sections
            if section.state and section.sentences
        ],
    }


def _reasons(check: Mapping[str, Any]) -> list[str]:
    if not check.get("reason"):
        return []
    reason = reason_words(check["reason"])
    return [sentence(reason if reason.startswith("not run") else f"not run: {reason}")]


def _lungs(check: Mapping[str, Any], audit: Audit) -> dict[str, Any]:
    where = check.get("lungs", "a central ellipse")
    rows = [[words, *figure_cells(check[key])] for key, words in BLANKED.items() if key in check]
    sentences = [sentence(str(item)) for item in check["found"]]
    if outside := check.get("grad_cam_outside"):
        sentences.append(
            f"{percents(outside)} of Grad-CAM's heat lies outside {where}, "
            f"which leaves {100 * check['ellipse_area']:.0f} % of the image outside."
        )
    table = {
        "title": "Blanked images",
        "caption": f"The lungs are taken to lie in {where}.",
        "header": ["what is shown", "macro AUROC", "balanced accuracy"],
        "rows": rows,
    }
    if check["passed"] and not sentences:
        sentences = ["Nothing stands out."]
    return {"sentences": sentences, "tables": [table]}


def _duplicates(check: Mapping[str, Any], audit: Audit) -> dict[str, Any]:
    pairs = check["found"]
    across = [pair for pair in pairs if pair["across"]]
    sentences = ["No two images are alike."]
    if pairs:
        counts = f"{len(across)} of them across splits, classes or patients."
        if not across:
            counts = "none of them across splits, classes or known patients."
        sentences = [f"{_count(len(pairs), 'pair')} of images are alike, {counts}"]
    table = {
        "title": "Other pairs" if audit.pictures else "Pairs",
        "caption": "",
        "header": ["one", "other", "alike", "correlation", "across"],
        "rows": [
            [*(_image_cell(pair[side]) for side in ("one", "other")), KINDS[pair["kind"]],
             f"{pair['correlation']:.3f}", ", ".join(pair["across"]) or MISSING]
            for pair in pairs
        ],
    }  # fmt: skip
    shown = [
        (f"duplicate_{number}_one", f"duplicate_{number}_other", _caption(pair))
        for number, (pair, _) in enumerate(zip(pairs, audit.pictures, strict=False))
    ]
    # What the pictures say need not be said again.
    left = {"rows": table["rows"][len(shown) :]}
    return {
        "sentences": sentences,
        "tables": [table | left] if left["rows"] else [],
        "pairs": shown,
    }


def _patients(check: Mapping[str, Any], audit: Audit) -> dict[str, Any]:
    shared = check["found"]
    if not shared:
        return {"sentences": ["No known patient has images in two splits."]}
    return {
        "sentences": [f"{_count(len(shared), 'patient')} with images in more than one split."],
        "tables": [
            {
                "title": "Patients",
                "caption": "",
                "header": ["patient", "splits", "images"],
                "rows": [
                    [row["patient"], ", ".join(row["splits"]), row["images"]] for row in shared
                ],
            }
        ],
    }


def _sources(check: Mapping[str, Any], audit: Audit) -> dict[str, Any]:
    alone, tie = check["found"], check.get("association")
    by = f" (told apart by {check['by']})" if check.get("by") else ""
    sentences = []
    if tie:
        sentences = [
            f"How closely source{by} and class go together, Cramér's V from 0 to 1: "
            f"{tie['value']:.2f}{_interval_words(tie)}."
        ]
    if not alone:
        known = check.get("note") or "no source has images of one class only"
        return {"sentences": [sentence(known), *sentences]}
    lead = f"{_count(len(alone), 'source')} with images of one class only."
    return {
        "sentences": [lead, *sentences],
        "tables": [
            {
                "title": "Sources",
                "caption": "",
                "header": ["source", "class", "images"],
                "rows": [[row["source"], row["class"], row["images"]] for row in alone],
            }
        ],
    }


def _blocks(check: Mapping[str, Any], audit: Audit) -> dict[str, Any]:
    if not check["found"]:
        return {"sentences": ["In no class do the splits follow the order of file names."]}
    names = ", ".join(str(row["class"]) for row in check["found"])
    return {
        "sentences": [f"The splits follow the order of file names in {names}."],
        "tables": [
            {
                "title": "Blocks",
                "caption": "Runs: how often the split changes along the names, and by chance.",
                "header": ["class", "splits", "runs", "by chance", "p"],
                "rows": [
                    [row["class"], ", ".join(row["splits"]), row["runs"],
                     f"{row['expected_runs']:.1f}", tables.p_words(row["p_value"])]
                    for row in check["found"]
                ],
            }
        ],
    }  # fmt: skip


def _subgroups(check: Mapping[str, Any], audit: Audit) -> dict[str, Any]:
    worse = [group_line(item) for item in check["found"]]
    sentences = [f"Clearly worse than the rest: {', '.join(worse)}."]
    if not worse:
        sentences = ["No group is clearly worse than the rest."]
    return {"sentences": sentences, "tables": _subgroup_tables(check.get("table", {}))}


def _subgroup_tables(groups: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> list[Table]:
    rows = [
        [
            {"value": group, "interval": column},
            row["images"],
            MISSING if row.get("patients") is None else row["patients"],
            *(tables.figure_cell(row.get(name)) for name in SUBGROUP_FIGURES),
        ]
        for column, members in groups.items()
        for group, row in members.items()
    ]
    names = [OVERALL[name] for name in SUBGROUP_FIGURES]
    reasons: dict[tuple[str, str], list[str]] = {}
    for members in groups.values():
        for group, row in members.items():
            for name in SUBGROUP_FIGURES:
                if reason := row[name].get("reason"):
                    reasons.setdefault((group, reason), []).append(OVERALL[name])
    missing = [f"{group}, {' and '.join(of)}: {why}" for (group, why), of in reasons.items()]
    return [
        {
            "title": "Groups",
            "caption": f"No figure or no interval: {'; '.join(missing)}." if missing else "",
            "header": ["group", "images", "patients", *names],
            "rows": rows,
        }
    ] * bool(rows)


def _caption(pair: Mapping[str, Any]) -> str:
    across = f", across {' and '.join(pair['across'])}" if pair["across"] else ""
    one, other = (_image(pair[side]) for side in ("one", "other"))
    return (
        f"{one} and {other}: {KINDS[pair['kind']]} (correlation {pair['correlation']:.3f}){across}."
    )


def _image(side: Mapping[str, Any]) -> str:
    cell = _image_cell(side)
    return f"{cell['value']} ({cell['interval']})"


def _image_cell(side: Mapping[str, Any]) -> dict[str, str]:
    """The image's file, and on a small line below of which split, class and patient it is."""
    patient = [] if side.get("patient") is None else [f"patient {side['patient']}"]
    label = ["unlabelled" if side["class"] is None else side["class"]]
    below = ", ".join([split_name(side["split"]), *label, *patient])
    return {"value": side["path"], "interval": below}


def _interval_words(figure: Mapping[str, Any]) -> str:
    interval = ends(figure)
    if interval is None:
        return f" (no interval: {figure['reason']})" if figure.get("reason") else ""
    return f" (95 % interval {interval[0]:.2f} to {interval[1]:.2f})"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' if number != 1 else ''}"
