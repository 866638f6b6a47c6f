"""Fine-tune a network on chest X-rays: `python experiments/run.py --help`. Not for clinical use."""

import os
import sys

from interruption import deferred, end_at_once, raise_when_interrupted


def main() -> int:
    """Parses the flags and runs; returns the exit code."""
    end_at_once()
    import presets
    import tyro

    from jaxcovid.config import Config, stored
    from jaxcovid.errors import InputError, Interrupted

    if "--list-presets" in sys.argv[1:]:
        print(presets.listing())
        return 0
    try:
        config = tyro.cli(Config, description=Config.__doc__)
        # Flags that are given stand out against those of the run or the preset, which are the
        # defaults now. A resumed run's own hold those of its preset.
        if config.resume is not None:
            config = tyro.cli(Config, default=stored(config.resume), description=Config.__doc__)
        elif config.preset is not None:
            default = presets.config(config.preset, config.as_written)
            config = tyro.cli(Config, default=default, description=Config.__doc__)
        # Imported late, so that --help and wrong flags answer at once.
        from jaxcovid import experiment

        raise_when_interrupted()
        experiment.run(config, deferred)
    except InputError as error:
        return _leave(2, f"\n{error}")
    except OSError as error:
        return _leave(2, f"\n{error.filename or 'disk'}: {error.strerror or error}")
    except Interrupted as interruption:
        import jax

        if jax.process_count() > 1:
            jax.distributed.shutdown()  # all stop here together; who left first would fell the rest
        return _leave(130, f"\n{interruption}")
    except KeyboardInterrupt:
        return _leave(130, "\nInterrupted.")
    return 0


def _leave(code: int, message: str) -> int:
    print(message, file=sys.stderr, flush=True)
    if "jax" in sys.modules:
        import jax

        if jax.process_count() > 1:
            # An orderly end would wait for processes that may be gone.
            sys.stdout.flush()
            os._exit(code)
    return code


if __name__ == "__main__":
    sys.exit(main())
