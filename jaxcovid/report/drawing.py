"""What all charts share: colours, names, plain axes."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jaxcovid.report import DISCLAIMER
from weights_convert.printable import printable

TRAIN, VALIDATION = "#1b6ca8", "#c8552b"  # told apart also without colour vision
INK, SOFT, PAPER = "#000000", "#808080", "#ffffff"

# Okabe and Ito's colours, and a dash for each, so that a grey print can be read too.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", INK)
DASHES = ("-", "--", "-.", ":")


def new_figure(width: float, height: float, title: str) -> Figure:
    """An empty figure of so many inches, with its title and the disclaimer.

    A page leaves both out: it says them once.
    """
    # Figure without pyplot: no global state, no display needed.
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.suptitle(title.replace("$", r"\$"), fontsize=10)
    figure.supxlabel(DISCLAIMER, fontsize=7, color=SOFT)
    return figure


def square(title: str) -> tuple[Figure, Axes]:
    """A figure with axes for shares of 0 to 1 upwards."""
    figure = new_figure(3.8, 3.6, title)
    axes = figure.subplots()
    axes.set_ylim(0, 1.02)
    return figure, axes


def with_legend(figure: Figure, axes: Axes, what: str) -> Figure:
    """The figure with a legend below its axes, which hides no line however many there are."""
    plain(axes)
    names = axes.get_legend_handles_labels()[1]
    if not names:
        axes.text(0.5, 0.4, "needs images of two kinds", ha="center")
        return figure
    columns, size = (1, 9) if len(names) < 5 else (2, 7.5)
    figure.set_figheight(3.7 + size / 48 * -(-len(names) // columns))
    axes.legend(
        frameon=False, title=what or None, ncols=columns, fontsize=size, title_fontsize=size,
        loc="upper center", bbox_to_anchor=(0.5, -0.15),
    )  # fmt: skip
    return figure


def plain(axes: Axes) -> None:
    """Takes away what frames axes on their upper and right sides."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def short_name(name: str, length: int = 18) -> str:
    """A name of at most so many characters, as matplotlib takes it literally.

    The middle goes: names often differ at their ends.
    """
    name = printable(name)
    half = (length - 1) // 2
    name = name if len(name) <= length else f"{name[:half]}…{name[-half:]}"
    # matplotlib leaves labels out of a legend if they begin with an underscore.
    return name.replace("$", r"\$") if not name.startswith("_") else f" {name}"


def within(interval: Sequence[float] | None) -> str:
    """An interval in words, in brackets; empty if there is none."""
    return "" if interval is None else f" ({interval[0]:.3f} to {interval[1]:.3f})"
