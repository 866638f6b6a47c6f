"""study.toml: what no run knows of a study, and its author must say."""

import tomllib
from pathlib import Path

from jaxcovid.errors import InputError, check, first_line
from jaxcovid.regular_file import read_text
from jaxcovid.report.checklist_items import ITEMS

TABLE = "claim"


def read_study(path: Path | None) -> dict[int, str]:
    """The author's answers to the items of the checklist, by item; none without a file.

    The file has one table, `[claim]`, with an item's number or name (see `ITEMS`) for each answer:
    `5 = "retrospective"` or `design = "retrospective"`. Raises InputError with all that is wrong.
    """
    if path is None:
        return {}
    try:
        content = tomllib.loads(read_text(path))
    except OSError as error:
        raise InputError([f"`study`: cannot read {path} ({error.strerror})"]) from None
    except (ValueError, RecursionError) as error:  # no TOML, or no text
        raise InputError([f"`study`: {path} is not TOML ({first_line(error)})"]) from None
    table = content.get(TABLE)
    strangers = [name for name in content if name != TABLE]
    problems = [
        f"`study`: {path}: {name!r} is not known; all answers stand under [{TABLE}]"
        for name in strangers
    ]
    if not isinstance(table, dict):
        problems.append(f"`study`: {path} has no table [{TABLE}]; put the answers under it")
        table = {}
    numbers = {item.name: number for number, item in ITEMS.items()}
    answers: dict[int, str] = {}
    for key, answer in table.items():
        number = int(key) if key.isascii() and key.isdigit() else numbers.get(key)
        if number is None or number not in ITEMS:
            problems.append(f"`study`: {path}: {key!r} is no item; use {_known()}")
        elif number in answers:
            problems.append(f"`study`: {path}: item {number} is answered twice; keep one answer")
        elif not isinstance(answer, str) or not answer.strip():
            problems.append(f"`study`: {path}: the answer to {key!r} is not text; put it in quotes")
        else:
            answers[number] = answer.strip()
    check(problems)
    return answers


def _known() -> str:
    return ", ".join(f"{number} ({item.name})" for number, item in ITEMS.items())
