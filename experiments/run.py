"""Fine-tune a network on chest X-rays: `python experiments/run.py --help`. Not for clinical use."""

import sys


def main() -> int:
    """Parses the flags and runs; returns the exit code."""
    import tyro

    from jaxcovid.config import Config

    config = tyro.cli(Config, description=Config.__doc__)
    try:
        # Imported late, so that --help and wrong flags answer at once.
        from jaxcovid import experiment
        from jaxcovid.errors import InputError
    except KeyboardInterrupt:
        return 130
    try:
        experiment.run(config)
    except InputError as error:
        print(f"\n{error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
