"""Whether all data and weights of a reproduction are there, before anything is run."""

import dataclasses
from collections.abc import Iterator

from jaxcovid.assignment import presets
from jaxcovid.assignment.plan import CLASSES, ReproductionSettings, data_of_parts, planned_runs
from jaxcovid.errors import InputError, check
from jaxcovid.runs.progress import progress
from jaxcovid.training.training_data import load_training_data
from weights_convert import ConversionError, FormatError, detect, read
from weights_convert.cache import cache_folder
from weights_convert.fetch import FetchError, fetch
from weights_convert.names import ARCHITECTURES


def checked_data(settings: ReproductionSettings) -> dict[int, str]:
    """The fingerprint of each part's data, once all that it and the weights need is there.

    Raises InputError with all that is wrong.
    """
    messages, fingerprints = list(weights_problems(settings)), {}
    runs = planned_runs(dataclasses.replace(settings, seeds=1))
    for part in data_of_parts(settings):
        configs = [run.config for run in runs if presets.PRESETS[run.preset].part == part]
        if not configs:
            continue
        try:
            dataset = load_training_data(configs[0], cache_folder(), progress)
        except InputError as error:
            # Each part has a setting of its own for its data.
            messages += [problem.replace("`data`:", f"`part{part}`:") for problem in error.problems]
            continue
        fingerprints[part] = dataset.fingerprint
        if set(dataset.classes) != set(CLASSES[part]):
            join = "join some with `merge=new=class+class` or rename"
            messages.append(
                f"`part{part}`: {configs[0].data} has the classes {', '.join(dataset.classes)}, "
                f"but part {part} needs {', '.join(CLASSES[part])}; "
                f"{join if part == 1 else 'rename'} its folders"
            )
    check(list(dict.fromkeys(messages)))
    return fingerprints


def weights_problems(settings: ReproductionSettings) -> Iterator[str]:
    """What is wrong with the weights, each network's looked at once."""
    runs = planned_runs(dataclasses.replace(settings, seeds=1))
    needed = {
        (run.config.model, run.config.weights)
        for run in runs
        if run.config.weights != "none"
        # Phantoms may do without ImageNet's, and say so.
        and not (run.config.weights == "imagenet" and run.config.data is None)
    }
    for model, weights in sorted(needed):
        try:
            if weights == "imagenet":
                fetch(ARCHITECTURES[model].weights)
            else:
                detect(read(weights).arrays, model)
        except FetchError as error:
            yield f"`weights=imagenet`: {error}; or pass `weights=none` for random weights"
        except FormatError as error:
            yield f"`weights`: {error}"
        except OSError as error:
            yield f"`weights`: {weights}: {error.strerror}"
        except ConversionError as error:
            yield (
                f"`weights`: {weights} does not fit {model}: {'; '.join(error.problems)}; give "
                f"`weights_{model}`, or leave that network out with `only`"
            )
