"""How good trained networks are on other data: `python experiments/evaluate.py --help`.

Not for clinical use.
"""

import sys

from jaxcovid.cli.main import script


def main() -> int:
    """The command `jaxcovid evaluate`, from a checkout; returns the exit code."""
    return script("evaluate", "python experiments/evaluate.py")


if __name__ == "__main__":
    sys.exit(main())
