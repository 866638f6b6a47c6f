"""What is wrong with a file or its names."""

from collections.abc import Sequence


class ConversionError(ValueError):
    """Names or shapes that do not fit, all of them."""

    def __init__(self, problems: Sequence[str]):
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class FormatError(ValueError):
    """A file that cannot be read: broken, hostile, or something else than weights."""
