"""What a network says of image files, read as they come."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, cast

import jax
import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

from jaxcovid import parallel
from jaxcovid.data import blank, images, listing
from jaxcovid.data.loader import Examples
from jaxcovid.data.preparation import CROP, Preparation
from jaxcovid.errors import check
from jaxcovid.inference.grad_cam import compiled_grad_cam
from jaxcovid.inference.inference_model import InferenceModel
from jaxcovid.inference.out_of_place import remarks, times_too_far
from jaxcovid.operating_point import parsed, unfit_points
from jaxcovid.statistics.weighted_metrics import SPECIFICITIES
from jaxcovid.training.evaluation import evaluation_of_images
from jaxcovid.training.images_together import images_together
from jaxcovid.training.label_codes import class_scores
from jaxcovid.training.losses import cross_entropy

Pixels = UInt8[np.ndarray, "224 224 channel"]


class Answer(NamedTuple):
    """What a network says of one file: probabilities (0 to 1) of the classes, or of findings.

    `problem` is why there are none, else empty; `pixels` are 0 to 255, as the network sees them
    before they are normalised. `heat` is where the network looked for the class that it predicts,
    if that was asked for. `few_levels` is as in `Record`: not 0 if the image shows almost nothing.
    `remark` is a sentence if it is unlike the images that the network was trained on.
    """

    path: Path
    problem: str
    pixels: Pixels | None = None
    probabilities: Float[np.ndarray, "class"] | None = None
    heat: Float[np.ndarray, "rows columns"] | None = None
    # Of every output by itself, where classes imply others.
    findings: Float[np.ndarray, "output"] | None = None
    few_levels: int = 0
    remark: str = ""


def predict(
    network: InferenceModel,
    paths: Sequence[Path | str],
    explain: bool = False,
    thresholds: Sequence[tuple[int, float]] = (),
) -> Iterator[Answer]:
    """What a network says of files, in their order; they are read while it computes.

    With `explain` also where it looked for the class that it answers (Grad-CAM), which `thresholds`
    as from `thresholds_of` may decide. A file that cannot be read is an answer with its problem.

    >>> paths = sorted(pathlib.Path(xrays).glob("validation/*/0.png"))
    >>> answers = list(jaxcovid.predict(jaxcovid.load(run), paths, explain=True))
    >>> [answer.probabilities.shape for answer in answers]
    [(2,), (2,)]
    >>> answers[0].heat.shape
    (7, 7)
    """
    devices = parallel.devices()
    stage = network.familiar[0].stage if network.familiar else None
    step = evaluation_of_images(network.model, cross_entropy(), devices, stage=stage)
    variables = parallel.replicate(network.variables, devices)
    heats = compiled_grad_cam(network.model, network.variables) if explain else None
    size = min(images_together(network.model, devices), len(paths))
    length = -(-size // devices.mesh.size) * devices.mesh.size
    unused = np.zeros(length, np.int32)  # labels, and what augmentation needs
    for chunk in _read([Path(path) for path in paths], size, network.preparation):
        pixels = np.zeros((length, CROP, CROP, 3), np.uint8)
        for place, answer in zip(pixels, chunk, strict=False):
            if answer.pixels is not None:
                place[:] = answer.pixels
        batch = (pixels, unused[:, None].repeat(2, 1), unused, unused, np.ones(length, np.float32))
        inputs = parallel.shares(Examples(*cast(Any, batch)), devices)
        result = step(variables["params"], variables["batch_stats"], inputs)
        logits, times = result.logits, None
        if result.features is not None:
            times = times_too_far(network.familiar, np.asarray(result.features))
        scores = logits if network.codes is None else class_scores(logits, network.codes)
        answer_of = jax.nn.sigmoid if network.independent else jax.nn.softmax
        probabilities = np.asarray(answer_of(scores))
        findings = [None] * length if network.codes is None else np.asarray(jax.nn.sigmoid(logits))
        maps: Any = [None] * length
        if heats is not None:
            maps = heats(pixels, np.array([called(row, thresholds) for row in probabilities]))
        rows = zip(chunk, probabilities, maps, findings, remarks(times, length), strict=False)
        for answer, row, heat, of_outputs, remark in rows:
            if answer.pixels is not None:
                answer = answer._replace(
                    probabilities=row, heat=heat, findings=of_outputs, remark=remark
                )
            yield answer


def thresholds_of(network: InferenceModel, texts: Sequence[str]) -> list[tuple[int, float]]:
    """The number and the threshold of each class that is to be called at an operating point.

    Raises InputError if the network has no such class or no such threshold.
    """
    check(unfit_points(texts, network.classes))
    if texts and network.independent:
        several = f"{network.name} tells several findings of each image, each called at one half"
        check([f"`operating_point`: {several}"])
    problems, thresholds = [], []
    for point in map(parsed, texts):
        known = network.thresholds.get(point.name, {})
        # Those are known to every run.
        usual = [key for key, least in SPECIFICITIES.items() if least == point.least]
        key = usual[0] if usual and point.figure == "specificity" else point.key
        if known.get(key) is not None:
            thresholds.append((network.classes.index(point.name), known[key]))
            continue
        reason = "train it with that operating point"
        if key in known:
            reason = "on the images that fix it no threshold reaches that"
        problems.append(
            f"`operating_point`: {network.name} has no threshold for {point.name}:{point.key}; "
            f"{reason}"
        )
    check(problems)
    return thresholds


def called(
    probabilities: Float[np.ndarray, "class"], thresholds: Sequence[tuple[int, float]] = ()
) -> int:
    """The class that is answered: the first that reaches its threshold, else the likeliest other.

    >>> called(np.array([0.2, 0.5, 0.3]), [(0, 0.15)]), called(np.array([0.1, 0.3, 0.6]))
    (0, 2)
    """
    for index, threshold in thresholds:
        if probabilities[index] >= threshold:
            return index
    others = np.setdiff1d(np.arange(len(probabilities)), [index for index, _ in thresholds])
    among = others if len(others) else np.arange(len(probabilities))
    return int(among[probabilities[among].argmax()])


def image_files(sources: Sequence[Path]) -> tuple[list[Path], list[Answer]]:
    """The files that are named, and the images in the folders that are, in the order of `sources`.

    Of each folder that cannot be listed there is an answer with its problem. Raises InputError if
    nothing is named, a folder without images, or only folders that cannot be listed.
    """
    paths: list[Path] = []
    unlisted: list[Answer] = []
    problems = [] if sources else ["IMAGE|FOLDER: none is given"]
    for source in sources:
        if not os.path.isdir(source):  # noqa: PTH112 (Path's raises at names that are too long)
            paths.append(source)  # whatever is wrong with it is told like of any other file
            continue
        inside = listing.list_images(source)
        if not inside.images and not inside.unlisted:
            problems.append(f"{source}: no image in this folder ({', '.join(listing.SUFFIXES)})")
        paths += inside.images
        unlisted += [Answer(path, reason) for path, reason in inside.unlisted]
    if not paths:
        problems += [f"{answer.path}: {answer.problem}" for answer in unlisted]
    check(problems)
    return paths, unlisted


def _read(paths: Sequence[Path], size: int, preparation: Preparation) -> Iterator[list[Answer]]:
    """The files' pixels, so many at a time; the next ones are read ahead."""
    with ThreadPoolExecutor() as pool:
        waiting: list = []
        for start in range(0, len(paths) + size, size):
            ahead = [pool.submit(_one, path, preparation) for path in paths[start : start + size]]
            if waiting:
                yield [answer.result() for answer in waiting]
            waiting = ahead


def _one(path: Path, preparation: Preparation) -> Answer:
    def prepared(image: Image.Image) -> tuple[Pixels, int]:
        return images.evaluation_view(image, preparation), blank.few_levels(image)

    try:
        view, levels = images.read_view(path, prepared)
        return Answer(path, "", view, few_levels=levels)
    except images.UnreadableError as error:
        return Answer(path, str(error))
