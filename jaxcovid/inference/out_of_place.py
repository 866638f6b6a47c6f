"""Images unlike those that a network was trained on: far from all of them in its features.

How far an image is, is its distance to the nearest training image, between features of unit length
(Sun et al. 2022, "Out-of-distribution detection with deep nearest neighbors", arXiv 2204.06507).
How far is too far is told by validation images, which the frozen part has not seen either: as a
conformal p-value (Bates et al. 2023, "Testing for outliers with conformal p-values").
"""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scipy
from jaxtyping import Bool, Float, Int

from jaxcovid.errors import InputError, first_line
from jaxcovid.json_file import parsed_json
from jaxcovid.statistics.proportions import wilson
from weights_convert import FormatError, read, save

# Of images like those of training so many are told all the same.
EXPECTED = 0.05

# Training images that others are compared with, at most.
MOST = 2000

# In the folder of a run.
FILE = "training_features.safetensors"

Features = Float[np.ndarray, "n feature"]


class Familiar(NamedTuple):
    """What other images are compared with: `features` of training images, of unit length.

    They are means over places of what `stage` puts out. `limit` is the distance that is too far,
    None where too few validation patients tell; `patients` is how many they are. `false_alarms` is
    the share of these images that limits of other validation patients tell, "value" and the ends of
    its 95 % interval.
    """

    stage: str
    features: Features
    limit: float | None
    patients: int
    false_alarms: dict[str, float] | None


def familiar_of(
    stage: str,
    training: Float[np.ndarray, "training feature"],
    validation: Features,
    groups: Int[np.ndarray, "n"] | None,
    seed: int,
) -> Familiar:
    """What a network is to remember of its training images, of at most `MOST` of them.

    `groups` are the patients of the validation images, each one of its own if None.
    """
    rows = np.arange(len(training))
    if len(rows) > MOST:
        rows = np.sort(np.random.default_rng(seed).permutation(len(rows))[:MOST])
    remembered = _unit(training[rows]).astype(np.float16).astype(np.float32)
    people = np.arange(len(validation)) if groups is None else groups
    far = distances(remembered, validation)
    count = len(np.unique(people))
    return Familiar(stage, remembered, _limit(far, people), count, _false_alarms(far, people, seed))


def distances(
    training: Float[np.ndarray, "training feature"], features: Features
) -> Float[np.ndarray, "n"]:
    """The distance of each image to the nearest training image; `training` are of unit length."""
    parts = np.array_split(_unit(features), max(1, len(features) // 1024))
    nearest = [(part @ training.T).max(1) for part in parts if len(part)]
    return np.sqrt(np.maximum(2 - 2 * np.concatenate([*nearest, np.zeros(0, np.float32)]), 0))


def times_too_far(
    familiar: Sequence[Familiar], features: Features
) -> Float[np.ndarray, "n"] | None:
    """How many times as far as the limit each image is: the median over several networks.

    None if a network has no limit, or there is none. Raises InputError if features are of another
    network.
    """
    if not familiar or any(one.limit is None for one in familiar):
        return None
    if any(one.features.shape[1] != features.shape[1] for one in familiar):
        raise InputError([f"{FILE} is of another network; take the folder as its run wrote it"])
    limits = [max(one.limit or 0.0, 1e-6) for one in familiar]
    each = [
        distances(one.features, features) / limit
        for one, limit in zip(familiar, limits, strict=True)
    ]
    return np.median(np.stack(each), 0)


def remarks(times: Float[np.ndarray, "n"] | None, count: int) -> list[str]:
    """A sentence for each image that is unlike the training images, empty for the others."""
    if times is None:
        return [""] * count
    return [
        f"unlike the training images (distance {value:.1f} times the limit)" if value > 1 else ""
        for value in times.tolist()
    ]


def judged(
    familiar: Sequence[Familiar],
    times: Float[np.ndarray, "n"] | None,
    paths: Sequence[str],
    groups: Int[np.ndarray, "n"] | None,
) -> dict[str, Any]:
    """The check of a split as audit.json holds it: which images are unlike, and whether too many.

    It fails where the interval of their share lies above what the limit of so few validation
    patients may give. Patients count alike, however many images there are of each.
    """
    if not familiar:
        return _not_run("the network does not say what its training images are like")
    if times is None:
        least = round(1 / EXPECTED) - 1
        patients = min(one.patients for one in familiar)
        return _not_run(
            f"its run had {patients} validation patients or images, and {least} tell what is far"
        )
    far, most = times > 1, most_expected(min(one.patients for one in familiar))
    share = _share(far, np.arange(len(far)) if groups is None else groups)
    order = np.flatnonzero(far)[np.argsort(-times[far], kind="stable")]
    return {
        "passed": share["low"] <= most,
        "images": len(far),
        "share": share,
        "expected": EXPECTED,
        "expected_at_most": most,
        "false_alarms": familiar[0].false_alarms if len(familiar) == 1 else None,
        "found": [
            {"path": paths[place], "times": round(float(times[place]), 3)} for place in order
        ],
    }


def most_expected(patients: int) -> float:
    """The share of like images beyond a limit of so many patients is below that in 97.5 %.

    Over draws of these patients the share follows a beta distribution (Vovk 2012, "Conditional
    validity of inductive conformal predictors").
    """
    rank = math.ceil((1 - EXPECTED) * (patients + 1) - 1e-9)
    return float(scipy.stats.beta.ppf(0.975, patients + 1 - rank, rank))


def not_judged(familiar: Sequence[Familiar]) -> dict[str, Any]:
    """The check where all images trained the network or set the limit."""
    alarms = familiar[0].false_alarms if len(familiar) == 1 else None
    reason = "all images were used to train the network or to set the limit"
    return {**_not_run(reason), "false_alarms": alarms}


def write_familiar(folder: Path, familiar: Familiar) -> None:
    """Writes it into a run's folder. Raises OSError."""
    known = {
        "stage": familiar.stage,
        "limit": familiar.limit,
        "patients": familiar.patients,
        "false_alarms": familiar.false_alarms,
    }
    arrays = {"features": familiar.features.astype(np.float16)}
    save(folder / FILE, arrays, {"familiar": json.dumps(known)})


def read_familiar(run: Path, stages: Sequence[str]) -> tuple[Familiar, ...]:
    """What the folder of a run remembers of its training images, if anything.

    `stages` are those of its network. Raises InputError if it is damaged.
    """
    path = run / FILE
    if not path.is_file():
        return ()
    try:
        content = read(path)
        features = content.arrays["features"].astype(np.float32)
        known = Familiar(features=features, **parsed_json(content.metadata["familiar"]))
        if not _is_whole(known, stages):
            raise ValueError("it is not what a run writes")
    except OSError as error:
        raise InputError([f"{path}: {error.strerror}"]) from None
    except (FormatError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise InputError([f"{path} is damaged ({first_line(error)})"]) from None
    return (known,)


def _is_whole(known: Familiar, stages: Sequence[str]) -> bool:
    alarms = known.false_alarms
    return (
        known.features.ndim == 2
        and len(known.features) > 0
        and bool(np.isfinite(known.features).all())
        and known.stage in stages[:-1]
        and (known.limit is None or 0 <= known.limit <= 2)
        and type(known.patients) is int
        and (alarms is None or all(0 <= alarms[name] <= 1 for name in ("value", "low", "high")))
    )


def _unit(features: Features) -> Features:
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    return (features / np.maximum(lengths, 1e-12)).astype(np.float32)


def _limit(far: Float[np.ndarray, "n"], groups: Int[np.ndarray, "n"]) -> float | None:
    """The least distance within which all but `EXPECTED` of a further patient's images lie.

    Every patient counts once, however many images there are; None if they are too few.
    """
    if not len(far):
        return None
    _, of_image, images = np.unique(groups, return_inverse=True, return_counts=True)
    order = np.argsort(far, kind="stable")
    within = np.cumsum(1 / images[of_image][order])
    enough = (1 - EXPECTED) * (len(images) + 1)
    place = int(np.searchsorted(within, enough - 1e-9))
    return float(far[order][place]) if place < len(far) else None


def _false_alarms(
    far: Float[np.ndarray, "n"], groups: Int[np.ndarray, "n"], seed: int
) -> dict[str, float] | None:
    """The share of images too far for the limit of the other half of the patients."""
    people = np.random.default_rng(seed).permutation(np.unique(groups))
    first = np.isin(groups, people[: len(people) // 2])
    alarms = np.zeros(len(far), bool)
    for half in (first, ~first):
        limit = _limit(far[~half], groups[~half])
        if limit is None:
            return None
        alarms[half] = far[half] > limit
    return _share(alarms, groups)


def _share(alarms: Bool[np.ndarray, "n"], groups: Int[np.ndarray, "n"]) -> dict[str, float]:
    """The mean share of a patient's images, with its 95 % interval."""
    _, of_image, images = np.unique(groups, return_inverse=True, return_counts=True)
    share = float((alarms / images[of_image]).sum() / max(1, len(images)))
    low, high = wilson(share, max(1, len(images)))
    return {"value": share, "low": low, "high": high}


def _not_run(reason: str) -> dict[str, Any]:
    return {"passed": None, "reason": reason, "found": []}


def of_remarks(remarked: Mapping[str, str]) -> str:
    """A warning of the images that were remarked on, by their names; empty if none was."""
    names = [name for name, remark in remarked.items() if remark]
    if not names:
        return ""
    first = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
    few = (
        f"1 of {len(remarked):,} images is"
        if len(names) == 1
        else (f"{len(names):,} of {len(remarked):,} images are")
    )
    return (
        f"{few} unlike the images that the network was trained on ({first}): what it says of such "
        f"images was never measured. Of images like its own about {100 * EXPECTED:.0f} % are told "
        "so, too"
    )
