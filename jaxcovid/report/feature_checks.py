"""What the page shows of checks that compare images by a network's features."""

from collections.abc import Mapping
from typing import Any

from jaxcovid.report import tables
from jaxcovid.report.checks import gain_words
from jaxcovid.report.tables import MISSING
from jaxcovid.report.words import counted, percents, sentence
from jaxcovid.results import OUT_OF_FOLD, Audit

# Images that a table names.
FARTHEST = 20


def out_of_place_content(check: Mapping[str, Any]) -> dict[str, Any]:
    """Sentences and a table of the images that are unlike those of training."""
    sentences, found = [], check["found"]
    if (share := check.get("share")) is not None:
        inside = f"{100 * (1 - check['expected']):.0f} %"
        sentences.append(
            f"{len(found)} of {counted(check['images'], 'image')} are farther from all training "
            f"images than {inside} of validation images are: on average {percents(share)} of a "
            f"patient's, where up to {100 * check['expected_at_most']:.0f} % may be chance. What "
            "the network says of such images was never measured."
        )
    if (alarms := check.get("false_alarms")) is not None:
        sentences.append(
            f"Of validation images that did not set the limit {percents(alarms)} are farther than "
            "it: false alarms."
        )
    table = {
        "title": "The farthest",
        "caption": "How many times as far as the limit the nearest training image is.",
        "header": ["image", "times"],
        "rows": [[row["path"], f"{row['times']:.2f}"] for row in found[:FARTHEST]],
    }
    return {"sentences": sentences, "tables": [table] if found else []}


def labels_content(check: Mapping[str, Any], audit: Audit) -> dict[str, Any]:
    """Sentences, a table and pictures of images whose labels are doubtful."""
    found, control = check["found"], check["control"]
    sentences = [
        f"{len(found)} of {counted(check['images'], 'label')} {'is' if len(found) == 1 else 'are'} "
        f"doubtful: a linear classifier of the network's features, {check['how']}, says otherwise; "
        f"it agrees with {100 * check['accuracy']:.0f} % of all labels. A doubt is a reason to "
        "look, not an error.",
        f"As a trial {counted(control['flipped'], 'label')} were flipped: "
        f"{100 * control['recall']:.0f} % of them were then doubted, among {control['doubted']} "
        "in all.",
        *([sentence(check["note"])] if check.get("note") else []),
    ]
    rows = [
        [row["path"], row["class"], row["likelier"], f"{row['probability_of_class']:.3f}",
         f"{row['probability_of_likelier']:.3f}"]
        for row in found
    ]  # fmt: skip
    table = {
        "title": "Doubtful labels",
        "caption": "",
        "header": ["image", "labelled", "likelier", "probability of the label", "of the likelier"],
        "rows": rows,
    }
    shown = [
        (
            f"doubted_{number}",
            f"{row['path']}: labelled {row['class']}, likelier {row['likelier']}.",
        )
        for number, (row, _) in enumerate(zip(found, audit.doubted, strict=False))
    ]
    return {"sentences": sentences, "tables": [table] if rows else [], "singles": shown}


def _curve_content(curve: Mapping[str, Any]) -> tuple[list[str], tables.Table]:
    """Sentences and the table of a learning curve."""
    folded = curve["measured"] == OUT_OF_FOLD
    measured = f"the same {curve['measured']} images"
    if folded:
        measured = (
            f"the images that its fold, one of {len(curve['points'][0]['draws'])}, leaves out"
        )
    sentences = [
        f"{sentence(gain_words(curve))} That is read from a power law through networks of shares "
        f"of the patients, each trained anew for {counted(curve['epochs'], 'epoch')}, so with "
        f"fewer steps the smaller it is, and measured on {measured}. The interval is of the "
        f"patients measured and of {'the draw in each fold' if folded else 'draws of the shares'}."
    ]
    if (far := curve["gains"].get("4")) is not None and not curve["doubt"]:
        sentences.append(
            f"Four times: {far['value']:+.3f} ({far['low']:+.3f} to {far['high']:+.3f}). Farther "
            "than that no law is asked."
        )
    if (back := curve["held_back"]) is not None:
        sentences.append(
            f"As a trial the law was fitted without the largest set: it then expects "
            f"{back['expected']:.3f} of it, and {back['measured']:.3f} was measured."
        )
    rows = [
        [f"{point['patients']:,.0f}", f"{point['images']:,.0f}", tables.figure_cell(point["auroc"]),
         f"{min(point['draws']):.3f} to {max(point['draws']):.3f}"]
        for point in curve["points"]
    ]  # fmt: skip
    table = {
        "title": "Learning curve",
        "caption": f"Means {'over folds' if folded else 'of several draws of the patients'}; the "
        "interval is of the patients measured.",
        "header": ["training patients", "images", "macro AUROC", "single networks"],
        "rows": rows,
    }
    return sentences, table


def sample_size_content(check: Mapping[str, Any]) -> dict[str, Any]:
    """Sentences and tables of how many patients a test set needs, and what more would bring."""
    widths = [*next(iter(check["test"].values()))["needed"]]
    rows = [
        [name, tables.figure_cell(row["auroc"]), f"{100 * row['share']:.0f} %", row["patients"],
         *(MISSING if row["needed"][width] is None else f"{row['needed'][width]:,}"
           for width in widths)]
        for name, row in check["test"].items()
    ]  # fmt: skip
    table = {
        "title": "Patients of a test set",
        "caption": "One image of each; the larger of what Hanley and McNeil's and Newcombe's "
        "standard errors ask for.",
        "header": [
            "class", "AUROC", "share", "patients here", *(f"for {width} wide" for width in widths)
        ],
        "rows": rows,
    }  # fmt: skip
    lead = (
        "A test set of as many patients as the table says, with classes as common as here, would "
        f"give an AUROC like this one a 95 % interval no wider than {' or '.join(widths)}; here "
        f"there are {check['patients']}."
    )
    content = {"sentences": [lead], "tables": [table]}
    if (curve := check.get("curve")) is not None:
        sentences, points = _curve_content(curve)
        content = {
            "sentences": [*sentences, lead],
            "tables": [points, table],
            "charts": ["learning_curve"],
        }
    return content
