"""What a trained network says of images: `python experiments/predict.py --help`.

Not for clinical use.
"""

import sys

from jaxcovid.cli.main import script


def main() -> int:
    """The command `jaxcovid predict`, from a checkout; returns the exit code."""
    return script("predict", "python experiments/predict.py")


if __name__ == "__main__":
    sys.exit(main())
