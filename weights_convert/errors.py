"""What is wrong with a file or its names."""

from collections.abc import Sequence

from weights_convert.printable import printable

# The longest problem that is shown whole.
LONGEST = 10_000


class ConversionError(ValueError):
    """Names or shapes that do not fit, all of them: a line each, whatever names hold."""

    def __init__(self, problems: Sequence[str]):
        self.problems = tuple(printable(problem, LONGEST) for problem in problems)
        super().__init__("\n".join(self.problems))


class FormatError(ValueError):
    """A file that cannot be read: broken, hostile, or something else than weights. One line."""

    def __init__(self, problem: str):
        super().__init__(printable(problem, LONGEST))
