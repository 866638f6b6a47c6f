"""What is left if the least sure images go to a reader: in a sentence and a table."""

from collections.abc import Mapping
from typing import Any

from jaxcovid.report import words
from jaxcovid.report.tables import cell
from jaxcovid.results import Results


def referral_content(results: Results) -> dict[str, Any] | None:
    """The sentence and the table of the split `main`; None where nothing is measured."""
    metrics = results.splits[results.main].metrics
    if metrics is None or not metrics.get("referral"):
        return None
    referral, classes = metrics["referral"], metrics["per_class"]
    share, most = [*referral.items()][-1]
    whole = words.with_interval(metrics["accuracy"], metrics["intervals"]["accuracy"])
    left = words.with_interval(most["accuracy"], most["interval"])
    images = words.images_of(results.main)
    sentence = (
        f"If the {share} % of {images} of which it is least sure were left to a reader, accuracy "
        f"of the others would be {left}, against {whole} of all. How sure it is, is the "
        "probability of its answer."
    )
    rows = [
        [
            f"{share} %", row["images"], cell(row["accuracy"], row["interval"]),
            f"{row['below']:.6g}",
        ]
        for share, row in referral.items()
    ]  # fmt: skip
    of_classes = [
        [f"{share} %", *(_of_class(row["referred"][name], classes[name]) for name in classes)]
        for share, row in referral.items()
    ]
    return {
        "sentence": sentence,
        "table": {
            "title": "What is left if the least sure images are referred",
            "caption": "",
            "header": ["referred", "images left", "their accuracy", "referred below"],
            "rows": rows,
        },
        "classes": {
            "title": "How many images of each class are referred",
            "caption": "Cut by these very images: on others the same probability refers another "
            "share.",
            "header": ["referred", *map(words.short, classes)],
            "rows": of_classes,
        },
    }


def _of_class(count: int, values: Mapping[str, Any]) -> str:
    return f"{count:,} of {values['support']:,}"
