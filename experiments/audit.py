"""What may mislead in a set of images: `python experiments/audit.py --help`.

Not for clinical use.
"""

import sys

from jaxcovid.cli.main import script


def main() -> int:
    """The command `jaxcovid audit`, from a checkout; returns the exit code."""
    return script("audit", "python experiments/audit.py")


if __name__ == "__main__":
    sys.exit(main())
