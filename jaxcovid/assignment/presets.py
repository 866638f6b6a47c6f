"""Named experiments, whose settings a run can take as its own.

They are the experiments of the assignment's seed solution, the ladder of layers that its task sheet
asks for, the settings of the best sister solution, and what the seed's open question needs: why
ResNet18 got worse at batch 60. What the sources leave open, such as augmentation, is the default of
`Config`.
"""

import difflib
from collections.abc import Mapping

from jaxcovid.assignment.further_presets import LADDER, QUESTION, SISTERS
from jaxcovid.assignment.preset import Preset
from jaxcovid.assignment.seed_presets import SEED
from jaxcovid.assignment.settings import AssignmentSettings
from jaxcovid.config import Config
from jaxcovid.errors import InputError

PRESETS: Mapping[str, Preset] = {**SEED, **LADDER, **SISTERS, **QUESTION}


def config(name: str, as_written: bool = False) -> tuple[Config, AssignmentSettings]:
    """The settings of the preset of that name; `as_written` with the mistakes of its original.

    Raises InputError: naming the closest ones if there is none, or if no mistakes of it are known.
    """
    if name not in PRESETS:
        close = difflib.get_close_matches(name, PRESETS, n=3, cutoff=0.4)
        hint = f"did you mean {' or '.join(close)}? " if close else ""
        raise InputError([f"`preset`: there is no {name!r}; {hint}`list_presets` prints all"])
    preset = PRESETS[name]
    settings = {"select": "last", "weights_file": preset.weights_file, **preset.settings}
    if not as_written:
        return Config(**settings), AssignmentSettings(preset=name)
    if not (preset.mistakes or preset.as_run):
        raise InputError([f"`as_written`: nothing is known to be wrong with {name}"])
    assignment = AssignmentSettings(preset.mistakes, as_written=True, preset=name)
    return Config(**{**settings, **preset.as_run}), assignment
