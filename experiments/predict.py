"""What a trained network says of images: `python experiments/predict.py --help`.

Not for clinical use.
"""

import sys

from jaxcovid.cli import predict


def main() -> int:
    """The command `jaxcovid predict`, from a checkout; returns the exit code."""
    return predict.main(program="python experiments/predict.py")


if __name__ == "__main__":
    sys.exit(main())
