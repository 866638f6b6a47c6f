"""Fine-tune a network on chest X-rays: `python experiments/run.py --help`. Not for clinical use."""

import os
import signal
import sys


def main() -> int:
    """Parses the flags and runs; returns the exit code."""
    # An interruption in the middle of an import can be swallowed there: end at once instead.
    signal.signal(signal.SIGINT, _end)
    import tyro

    from jaxcovid.config import Config

    config = tyro.cli(Config, description=Config.__doc__)
    # Imported late, so that --help and wrong flags answer at once.
    from jaxcovid import experiment
    from jaxcovid.errors import InputError

    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        experiment.run(config)
    except InputError as error:
        print(f"\n{error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"\n{error.filename or 'disk'}: {error.strerror or error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        return 130
    return 0


def _end(*_: object) -> None:
    print("\nInterrupted.", file=sys.stderr, flush=True)
    os._exit(130)


if __name__ == "__main__":
    sys.exit(main())
