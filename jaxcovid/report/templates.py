"""The templates of pages, each self-contained HTML, and of their Markdown."""

from collections.abc import Callable
from typing import Any

import jinja2


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
    return environment.get_template(name)
