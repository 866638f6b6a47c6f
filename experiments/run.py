"""Fine-tune a network on chest X-rays: `python experiments/run.py --help`. Not for clinical use."""

import os
import sys

from exits import exit_code
from interruption import deferred, end_at_once, raise_when_interrupted


def main() -> int:
    """Parses the flags and runs; returns the exit code."""
    end_at_once()
    code = exit_code(run)
    if code and "jax" in sys.modules:
        import jax

        if jax.process_count() > 1:
            # An orderly end would wait for processes that may be gone.
            sys.stdout.flush()
            os._exit(code)
    return code


def run() -> None:
    """Trains what the flags ask for, or goes on with it. Raises InputError and Interrupted."""
    import tyro

    from jaxcovid.config import Config, stored
    from jaxcovid.errors import Interrupted

    if "--list-presets" in sys.argv[1:]:
        from preset_listing import listing

        print(listing())
        return
    config = tyro.cli(Config, description=Config.__doc__)
    # Flags that are given stand out against those of the run or the preset, which are the
    # defaults now. A resumed run's own hold those of its preset.
    if config.resume is not None:
        config = tyro.cli(Config, default=stored(config.resume), description=Config.__doc__)
    elif config.preset is not None:
        import presets

        default = presets.config(config.preset, config.as_written)
        config = tyro.cli(Config, default=default, description=Config.__doc__)
    # Imported late, so that --help and wrong flags answer at once.
    from jaxcovid.runs.run import fine_tune

    raise_when_interrupted()
    try:
        fine_tune(config, deferred)
    except Interrupted:
        import jax

        if jax.process_count() > 1:
            jax.distributed.shutdown()  # all stop here together; who left first would fell the rest
        raise


if __name__ == "__main__":
    sys.exit(main())
