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
        finalize=lambda value: without_controls(value if finalize is None else finalize(value)),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"numeric_columns": numeric_columns, "prose": prose}
    return environment.get_template(name)


# What no page may hold as it is, and what would turn its text around; with its escape.
_CONTROLS = {
    code: f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
    for code in (
        *(code for code in range(32) if chr(code) not in "\t\n\r"), *range(127, 160),
        *range(0x202A, 0x202F), *range(0x2066, 0x206A), *range(0xD800, 0xE000), 0xFFFE, 0xFFFF,
    )
}  # fmt: skip


def without_controls(value: Any) -> Any:
    r"""The value; of text its control characters as escapes, so that a page stays valid.

    >>> without_controls("a\x1b[31m")
    'a\\x1b[31m'
    """
    return value.translate(_CONTROLS) if isinstance(value, str) else value


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
