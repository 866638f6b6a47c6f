"""The templates of pages, each self-contained HTML, and of their Markdown."""

from collections.abc import Callable
from typing import Any

import jinja2


def template(name: str, finalize: Callable[[Any], Any] | None = None) -> jinja2.Template:
    """The template of that file; values are escaped, and pass through `finalize` before."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("jaxcovid.report", ""),
        autoescape=True,
        finalize=finalize,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)
