"""Train many settings and seeds at once: `python experiments/sweep.py --help`.

Not for clinical use.
"""

import dataclasses
import sys
from typing import Annotated

import interruption
import presets
import tyro
from exits import exit_code


@dataclasses.dataclass(frozen=True)
class Sweep:
    """Train every combination of these values with several seeds, all at once, and compare them.

    All other flags are those of run.py and hold for every member. --views (default: --epochs) says
    how many augmented views of each image are kept. NOT FOR CLINICAL USE.
    """

    lr: tuple[float, ...] = ()
    """Learning rates."""
    backbone_lr: tuple[float, ...] = ()
    """Learning rates of the trainable layers below the head."""
    momentum: tuple[float, ...] = ()
    """Momenta of sgd."""
    weight_decay: tuple[float, ...] = ()
    """Weight decays."""
    focal_gamma: tuple[float, ...] = ()
    """Gammas of the focal loss."""
    focal_alpha: tuple[float, ...] = ()
    """Factors of the focal loss, each for all classes."""
    seeds: Annotated[int, tyro.conf.arg(help_behavior_hint="(default: 1)")] = 1
    """Seeds of each combination, from --seed on."""


def main() -> int:
    """Parses the flags and trains; returns the exit code."""
    interruption.end_at_once()
    return exit_code(sweep)


def sweep() -> None:
    """Trains what the flags ask for, or goes on with it. Raises InputError."""
    from jaxcovid.config import Config
    from jaxcovid.errors import InputError

    grid, others = tyro.cli(Sweep, description=Sweep.__doc__, return_unknown_args=True)
    values = {name: each for name, each in vars(grid).items() if name != "seeds" and each}
    config = tyro.cli(Config, args=others)
    if config.preset is not None:
        default = presets.config(config.preset, config.as_written)
        config = tyro.cli(Config, args=others, default=default)
    # Imported late, so that --help and wrong flags answer at once.
    from jaxcovid.sweeps.grid import Grid
    from jaxcovid.sweeps.run import run_sweep, stored_sweep

    interruption.raise_when_interrupted()
    tried = Grid(values, grid.seeds)
    if config.resume is not None:
        if values or grid != Sweep() or config != Config(resume=config.resume):
            raise InputError(["--resume: goes on with the sweep as it was; give nothing else"])
        config, tried = stored_sweep(config.resume)
    run_sweep(config, tried, interruption.deferred)


if __name__ == "__main__":
    sys.exit(main())
