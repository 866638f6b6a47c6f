"""What a chart draws, read from its axes."""


def axes_of(figure):
    return figure.axes[0]


def lines(figure):
    """Coordinates by label, of the lines that a legend lists."""
    return {
        line.get_label(): (list(line.get_xdata()), list(line.get_ydata()))
        for line in axes_of(figure).lines
        if not line.get_label().startswith("_")
    }


def texts(figure):
    return [text.get_text() for text in axes_of(figure).texts]
