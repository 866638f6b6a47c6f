"""The page of an audit of data, and what all pages have above their sections."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from jaxcovid.report import DISCLAIMER
from jaxcovid.report.cautions import Cautions
from jaxcovid.report.pictures import Picture
from jaxcovid.report.settings_tables import flag_tables
from jaxcovid.report.templates import template
from jaxcovid.report.truth import audit_sections, checks_table
from jaxcovid.results import Audit

# So many warnings stand on the first screen.
FIRST_WARNINGS = 6

# What a run may leave beside its page, in words.
FILES = {
    "predictions.csv": "every image's probabilities",
    "metrics.json": "all figures",
    "audit.json": "checks of the data",
    "checklist.md": "checklist",
    "comparison.json": "all differences",
    "weights.safetensors": "weights",
    "weights.pth": "weights for PyTorch",
}


def audit_page(
    title: str,
    verdict: str,
    audit: Audit,
    pictures: Mapping[str, Picture],
    *,
    cautions: Sequence[str] = (),
    files: Iterable[str] = (),
    settings: Mapping[str, Any] | None = None,
) -> str:
    """The HTML of checks of data, with or without a network: one file that fetches nothing.

    `verdict` sums them up in a sentence, `pictures` are those of `pictures.audit_pictures` by name,
    `cautions` sentences to read first, `files` names of files beside the page, and `settings` what
    to list of the audit's settings, as config.json holds them.
    """
    sections = audit_sections(audit, settings or {})
    return template("audit.html").render(
        title=title,
        verdict=verdict,
        disclaimer=DISCLAIMER,
        cautions=first_and_further(Cautions(list(cautions), [])),
        files=file_links(files),
        pictures=pictures,
        sections=sections,
        checks=checks_table(sections),
        settings=[] if settings is None else list(flag_tables(settings)),
    )


def first_and_further(*cautions: Cautions) -> dict[str, Sequence[str]]:
    """The warnings that weigh, for the first screen, and those for further down; none twice."""
    weighty = [*dict.fromkeys(sentence for some in cautions for sentence in some.weighty)]
    others = dict.fromkeys(sentence for some in cautions for sentence in some.others)
    further = [*weighty[FIRST_WARNINGS:], *(other for other in others if other not in weighty)]
    return {"first": weighty[:FIRST_WARNINGS], "further": further}


def file_links(files: Iterable[str]) -> list[tuple[str, str]]:
    """Those files that a page links to, with what each holds, in the order of `FILES`."""
    beside = set(files)
    return [(name, what) for name, what in FILES.items() if name in beside]
