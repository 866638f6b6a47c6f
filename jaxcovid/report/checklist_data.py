"""Answers to a checklist about the images: where from, how prepared, how split."""

from collections.abc import Mapping
from typing import Any

from jaxcovid.config import TrainingSettings, from_json
from jaxcovid.data.augmentations import augmentation_of
from jaxcovid.data.loader import MEAN, STD
from jaxcovid.data.preparation import CROP, DEVIATION, MEAN_GREY, RESIZE
from jaxcovid.report import words
from jaxcovid.report.checklist_facts import (
    Answer,
    check,
    counts,
    is_evaluation,
    named,
    of_training,
)
from jaxcovid.report.checks import outcome
from jaxcovid.report.words import sentence
from jaxcovid.results import Results

# Parts of warnings of `data`: images of no known patient, and files or patients of two splits.
NO_PATIENT, SHARED_FILES = "of no known patient", "occur in two splits, such as"
SHARED_PATIENTS = "that score is partly memory"


# How images are made square, which part of them that is, and what is done to grey values.
FITS = {
    "crop": (
        f"shorter side to {RESIZE} pixels, bilinear with antialiasing; centre crop of {CROP} x "
        f"{CROP}"
    ),
    "pad": (
        f"longer side to {CROP} pixels, bilinear with antialiasing; padded with black to {CROP} x "
        f"{CROP}"
    ),
    "squash": f"both sides to {CROP} pixels, bilinear with antialiasing",
}
PARTS = {
    "crop": f"the centre crop of {CROP} x {CROP}",
    "pad": "all of it, padded with black to a square",
    "squash": "all of it, squashed to a square",
}
INTENSITIES = {
    "as-is": "",
    "standardise": (
        f"grey values moved to a mean of {MEAN_GREY} and a standard deviation of {DEVIATION} in "
        "every image, and cut off at black and white; "
    ),
    "equalise": "grey values of every image equalised; ",
}


def provenance(results: Results) -> Answer | None:
    """Name, number and fingerprint of the images."""
    dataset = results.settings.get("dataset", {})
    if "name" not in dataset:
        return None
    images = sum(len(split.labels) for split in results.splits.values())
    text = f"Data set {words.quoted(dataset['name'])}, {words.counted(images, 'image')}"
    if fingerprint := results.settings.get("data_fingerprint"):
        text += f"; fingerprint of images and labels {fingerprint}"
    drawn = " They are built-in drawings, not X-rays of patients." if _is_phantom(results) else ""
    return Answer(f"{text}.{drawn}")


def inclusion(results: Results) -> Answer | None:
    """What was left out of the folder."""
    dataset = results.settings.get("dataset", {})
    if "skipped" not in dataset:
        return None
    text = (
        f"{words.counted(len(dataset['skipped']), 'unreadable image')} left out, "
        f"{words.counted(len(dataset.get('ignored', ())), 'other file')} passed over."
    )
    return Answer(f"{text} {_limit(results)}".strip())


def preparation(results: Results) -> Answer:
    """From a file to what the network sees."""
    mean, deviation = (", ".join(map(str, values)) for values in (MEAN, STD))
    settings = results.settings
    text = (
        "Grey or colour in 8 bits (16 bits are scaled down; DICOM goes through its stored window); "
        f"{INTENSITIES[settings.get('intensity', 'as-is')]}"
        f"{FITS[settings.get('fit', 'crop')]}; grey repeated in three channels; values from 0 to "
        f"1, less the mean {mean}, over the standard deviation {deviation}."
    )
    record = of_training(results)
    if record and augmentation_of(from_json(TrainingSettings, dict(record))) is not None:
        how = "instead of cropped so" if settings.get("fit", "crop") == "crop" else "after that"
        text += f" Training images are augmented {how}, see item 25."
    return Answer(text)


def selection(results: Results) -> Answer:
    """Which part of images and of the data is used."""
    of_image = PARTS[results.settings.get("fit", "crop")]
    texts = [f"No region is chosen by hand: of every image {of_image}."]
    if limit := _limit(results):
        texts.append(limit)
    if merged := of_training(results).get("merge"):
        texts.append(f"Classes joined: {', '.join(merged)}.")
    return Answer(" ".join(texts))


def missing(results: Results) -> Answer | None:
    """Unreadable, unlabelled, and of unknown patients."""
    dataset = results.settings.get("dataset", {})
    if "skipped" not in dataset:
        return None
    unlabelled = sum(int((split.labels < 0).sum()) for split in results.splits.values())
    texts = [
        f"{words.counted(len(dataset['skipped']), 'image')} unreadable and left out, "
        f"{unlabelled:,} without a label."
    ]
    unknown = [
        name
        for name, split in results.splits.items()
        if split.metrics is not None and split.metrics["patients"] is None
    ]
    if unknown:
        texts.append(f"The patients of {words.listed(unknown)} are not known.")
    texts += [sentence(text) for text in _warnings(results) if NO_PATIENT in text]
    return Answer(" ".join(texts))


def acquisition(results: Results) -> Answer | None:
    """Views, if a column tells them."""
    tables = [(name, table["view"]) for name, table in _tables(results) if "view" in table]
    if not tables:
        return None
    return Answer(" ".join(_group_counts(name, "view", groups) for name, groups in tables))


def partitions(results: Results) -> Answer:
    """How large they are, and what is known of how they came to be."""
    sizes = {name: len(split.labels) for name, split in results.splits.items()}
    total = max(sum(sizes.values()), 1)
    parts = [
        f"{named(results, name)} {counts(results, name)}, {100 * size / total:.0f} %"
        for name, size in sizes.items()
    ]
    text = sentence("; ".join(parts))
    if is_evaluation(results):
        return Answer(text, "how these images were chosen")
    if _is_phantom(results):
        return Answer(f"{text} The images of each were drawn for it.")
    stand_in = [sentence(warning) for warning in _warnings(results) if "stand in for" in warning]
    if stand_in:
        return Answer(f"{text} {stand_in[0]}")
    if notes := results.settings.get("dataset", {}).get("notes"):
        return Answer(" ".join([text, *map(sentence, notes)]))
    return Answer(f"{text} The partitions are those of the data as given.", "how these were made")


def apart(results: Results) -> Answer:
    """At which level the partitions are apart, as far as patients and duplicates are known.

    Of images whose patient is not known nothing is claimed of patients.
    """
    if is_evaluation(results):
        return Answer("", "these images were not compared with the training images")
    warnings = _warnings(results)
    texts = [sentence(text) for text in warnings if SHARED_FILES in text]
    texts += _level(results, warnings)
    duplicates = check(results, "duplicates")
    if duplicates.get("passed") is None:
        return Answer(" ".join(texts), "whether an image is in two partitions under two names")
    across = [pair for pair in duplicates["found"] if "splits" in pair["across"]]
    found = (
        f"{words.counted(len(across), 'pair')} of equal or nearly equal images across partitions"
    )
    return Answer(f"{' '.join(texts)} {sentence(found)}")


def _level(results: Results, warnings: list[str]) -> list[str]:
    labelled = [split.metrics for split in results.splits.values() if split.metrics is not None]
    known = [metrics["patients"] is not None for metrics in labelled]
    patients = check(results, "patients")
    if patients.get("passed") is False:
        return [sentence(outcome("patients", patients))]
    if not any(known):
        return ["Image level: it is not known which images are of one patient."]
    shared = [sentence(text) for text in warnings if text.endswith(SHARED_PATIENTS)]
    texts = shared or [
        "Patient level for images whose patient is known: no known patient is in two partitions."
    ]
    unknown = [sentence(text) for text in warnings if NO_PATIENT in text]
    if unknown:
        return [*texts, *unknown, "For these it is image level."]
    if not all(known):
        texts.append("In some partitions no patient is known; there it is image level.")
    return texts


def flow(results: Results) -> Answer | None:
    """What was left out, and how many images of each class are in each partition."""
    left_out = inclusion(results)
    if left_out is None:
        return None
    parts = [f"{named(results, name)}: {counts(results, name)}" for name in results.splits]
    missing = "how many training images there were before the limit" if _limit(results) else ""
    return Answer(f"{left_out.text} {sentence('; '.join(parts))}", missing)


def groups(results: Results) -> Answer:
    """Images and patients by the further columns, if any were given."""
    texts = [
        _group_counts(name, column, members)
        for name, table in _tables(results)
        for column, members in table.items()
    ]
    if not texts:
        return Answer("", "no column of patients' traits was given")
    return Answer(" ".join(texts))


def _is_phantom(results: Results) -> bool:
    return not is_evaluation(results) and results.settings.get("data", "") is None


def _limit(results: Results) -> str:
    limit = None if is_evaluation(results) else results.settings.get("limit_train")
    if limit is None:
        return ""
    return f"At most {limit:,} training images were used, drawn by the seed from all classes alike."


def _warnings(results: Results) -> list[str]:
    """Those of this data: of an evaluation without what its network's run was warned of."""
    return [
        warning
        for warning in results.settings.get("warnings", ())
        if "was trained so:" not in warning
    ]


def _tables(results: Results) -> list[tuple[str, Mapping[str, Any]]]:
    """Tables of groups by further columns, with the split that each is of."""
    table = check(results, "subgroups").get("table")
    return [(results.main, table)] if table else []


def _group_counts(split: str, column: str, groups: Mapping[str, Mapping[str, Any]]) -> str:
    parts = []
    for name, group in groups.items():
        text = f"{words.short(name)} {words.counted(group['images'], 'image')}"
        if group.get("patients") is not None:
            text += f" of {words.counted(group['patients'], 'patient')}"
        parts.append(text)
    return f"By {column}, {split}: {', '.join(parts)}."
