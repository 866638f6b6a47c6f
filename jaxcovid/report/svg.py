"""Charts as SVG inside a page: sharp on any screen, in the page's own colours and letters."""

import html
import io
import re
import warnings
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from jaxcovid.report.drawing import COLOURS, INK, PAPER, SOFT, TRAIN, VALIDATION

# What style.css calls the colours that charts are drawn in.
VARIABLES = {
    **{colour: f"var(--chart-{number + 1})" for number, colour in enumerate(COLOURS)},
    TRAIN: "var(--accent)",
    VALIDATION: "var(--second)",
    SOFT: "var(--soft)",
    PAPER: "var(--paper)",
    INK: "currentColor",
}


def inline_svg(figure: Figure, alt: str) -> str:
    """A chart as an `<svg>` element for a page, without title and disclaimer; `alt` describes it.

    The same text for the same chart; ids differ from those of charts with another `alt`.
    """
    for text in figure.texts:  # title and disclaimer; others belong to axes
        text.set(visible=False, in_layout=False)
    settings: dict[Any, Any] = {"svg.hashsalt": alt, "svg.fonttype": "none"}
    stream = io.StringIO()
    with matplotlib.rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # the page's has them
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None})
    _, _, drawn = stream.getvalue().partition("<svg ")
    drawn = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", drawn, flags=re.DOTALL)
    box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', drawn)
    assert box is not None
    width, height = (float(points) for points in box.groups())
    content = drawn.partition(">")[2]
    used = set(re.findall(r'(?:url\(|href=")#([\w-]+)', content))
    content = re.sub(r"<[^>]+>", lambda tag: _plain_tag(tag[0], used), content)
    content = re.sub(r">\s+<", "><", content)
    content = re.sub(r"<g></g>|<defs></defs>", "", content)
    # A point is 4 / 3 of a page's pixels: letters of 10 points are 13 pixels high.
    return (
        f'<svg class="chart" role="img" aria-label="{html.escape(alt)}" '
        f'width="{width * 4 / 3:.0f}" height="{height * 4 / 3:.0f}" '
        f'viewBox="0 0 {width:g} {height:g}">{content.strip()}'
    )


def _plain_tag(tag: str, used: set[str]) -> str:
    """A tag with the page's colours and letters, two decimals, and only the ids that are used."""
    tag = re.sub(r' id="([\w.-]+)"', lambda found: found[0] if found[1] in used else "", tag)
    tag = re.sub(r"\s+", " ", tag).replace("xlink:href", "href")
    tag = re.sub(r"-?\d+\.\d{3,}", lambda number: f"{float(number[0]):.2f}", tag)
    tag = re.sub(r"#[0-9a-f]{6}\b", lambda colour: VARIABLES.get(colour[0], colour[0]), tag)
    if tag.startswith("<text"):
        tag = re.sub(r" ?font(?:-family)?: ([\d.]+px)? ?['\"][^;\"]*;?", _size, tag)
    return tag


def _size(font: re.Match[str]) -> str:
    return f" font-size: {font[1]};" if font[1] else ""
