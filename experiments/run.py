"""Fine-tune a network on chest X-rays: `python experiments/run.py --help`. Not for clinical use."""

import sys

from jaxcovid.cli.main import script


def main() -> int:
    """The command `jaxcovid train`, from a checkout; returns the exit code."""
    return script("train", "python experiments/run.py")


if __name__ == "__main__":
    sys.exit(main())
