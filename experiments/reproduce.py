"""Every experiment of the assignment, reported against ours: `reproduce.py --help`.

Not for clinical use.
"""

import sys

from jaxcovid.cli.main import script


def main() -> int:
    """The command `jaxcovid reproduce`, from a checkout; returns the exit code."""
    return script("reproduce", "python experiments/reproduce.py")


if __name__ == "__main__":
    sys.exit(main())
