"""The templates of pages, each self-contained HTML, and of their Markdown."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jinja2
from markupsafe import Markup, escape


def template(
    name: str, package: str = "jaxcovid.report", finalize: Callable[[Any], Any] | None = None
) -> jinja2.Template:
    """The template in the file `name` of a package; it may extend and import those of `report`.

    Values are escaped, and pass through `finalize` before. Raises jinja2.TemplateNotFound; to
    render it raises jinja2.UndefinedError if it is not given all that it names.
    """
    of_package = jinja2.PackageLoader(package, "")
    shared = jinja2.PackageLoader("jaxcovid.report", "")
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader([of_package, shared]),
        autoescape=True,
        finalize=finalize,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"numeric_columns": numeric_columns, "prose": prose}
    return environment.get_template(name)


def numeric_columns(rows: Sequence[Sequence[Any]]) -> set[int]:
    """The columns of a table that hold only numbers, or dashes: they are aligned right."""
    columns = zip(*rows, strict=True)
    return {place for place, cells in enumerate(columns) if all(map(_is_number, cells))}


def prose(text: str) -> Markup:
    """A sentence as HTML: settings in backquotes as code, no line ends before a %."""
    marked = re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text)))
    return Markup(re.sub(r"(?<=\d) %", "\N{NO-BREAK SPACE}%", marked))


def _is_number(cell: Any) -> bool:
    if isinstance(cell, Mapping):
        cell = cell.get("value", "")
    return bool(re.fullmatch(r"—|(< ?|[+-])?\d[\d,]*(\.\d+)?(e[+-]?\d+)?( ?%)?", str(cell)))
