"""Train many settings and seeds at once: `python experiments/sweep.py --help`.

Not for clinical use.
"""

import sys

from jaxcovid.cli.main import script


def main() -> int:
    """The command `jaxcovid sweep`, from a checkout; returns the exit code."""
    return script("sweep", "python experiments/sweep.py")


if __name__ == "__main__":
    sys.exit(main())
