"""A reporting checklist, filled in from what a run or an evaluation left behind.

CLAIM 2024 (Tejani et al., Radiology: Artificial Intelligence 2024, 10.1148/ryai.240300) in words of
this project, never in the original's.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from jaxcovid.report import DISCLAIMER
from jaxcovid.report.checklist_facts import Answer
from jaxcovid.report.checklist_items import ITEMS, Item
from jaxcovid.report.words import sentence
from jaxcovid.results import Results

TITLE = "Reporting checklist: the 44 items of CLAIM 2024, in own words"
CITATION = (
    "Tejani et al., Radiology: Artificial Intelligence 2024;6(4):e240300, 10.1148/ryai.240300"
)

STATES = {
    "run": "by the run",
    "part": "in part by the run",
    "author": "by the author",
    "not stated": "not stated",
}


def checklist(results: Results, study: Mapping[int, str] | None = None) -> list[dict[str, Any]]:
    """A row for every item: what it asks, who answered it, and the answer.

    `study` are the author's answers by item, as `runs.study.read_study` reads them. The state is
    "run" if the run answers alone, "part" if it does in part, "author" if the author answers alone
    or adds what no run knows, else "not stated". The author's words stand beside the run's.
    """
    return [
        {"item": number, "section": item.section, "asks": item.asks}
        | _state(item, item.answer and item.answer(results), (study or {}).get(number))
        for number, item in ITEMS.items()
    ]


def checklist_markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows of `checklist` as a page of Markdown, a table for each section."""
    lines = [
        f"# {TITLE}",
        "",
        f"The items are those of {CITATION}; the words are not. It is no score: an item that is "
        "not stated is for the author to answer.",
        "",
        "“Reference standard” is what counts as the truth. “Internal testing” is on images of the "
        "training images' data set, kept apart; “external testing” on others. A “tuning set” took "
        "part in the training, if only to fix thresholds.",
    ]
    section = None
    for row in rows:
        if row["section"] != section:
            section = row["section"]
            lines += ["", f"## {section}", "", "| item | asks for | answered | answer |"]
            lines.append("|---:|---|---|---|")
        cells = (str(row["item"]), row["asks"], STATES[row["state"]], row["answer"])
        lines.append(f"| {' | '.join(map(_plain, cells))} |")
    return "\n".join([*lines, "", DISCLAIMER, ""])


def _state(item: Item, answer: Answer | None, author: str | None) -> dict[str, str]:
    text = "" if answer is None else answer.text
    missing = "; ".join(filter(None, [item.rest, "" if answer is None else answer.missing]))
    if author:
        state = "run" if text and not missing else "author"
        return {"state": state, "answer": f"{text} By the author: {author}".strip()}
    if not text:
        return {"state": "not stated", "answer": sentence("" if answer is None else answer.missing)}
    if missing:
        return {"state": "part", "answer": f"{text} Not stated: {missing}."}
    return {"state": "run", "answer": text}


def _plain(text: str) -> str:
    """Text that is only text in a cell of Markdown, whatever names are in it."""
    for sign, escaped in {"\\": "\\\\", "&": "&amp;", "<": "&lt;", "|": "\\|", "`": "\\`"}.items():
        text = text.replace(sign, escaped)
    for sign in "*_[]":
        text = text.replace(sign, f"\\{sign}")
    return " ".join(text.split())
