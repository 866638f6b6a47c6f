"""What a reader should know before believing the figures."""

from jaxcovid.results import Results

# With fewer images of a class than that, its figures are guesses.
SMALL = 30


def run_cautions(results: Results) -> list[str]:
    """What a reader should know first, in sentences; the run's warnings come first.

    They speak of random weights, unreadable images, the split that the verdict is about, classes
    with fewer than `SMALL` images or none recognised, and patients that are not known.
    """
    settings = results.settings
    sentences = list(settings.get("warnings", ()))
    if settings.get("weights_source") == "random weights" and not any(
        "random" in sentence for sentence in sentences
    ):
        sentences.append("training started from random weights, not from ImageNet's")
    dataset = settings.get("dataset", {})
    if skipped := dataset.get("skipped"):
        sentences.append(f"{len(skipped)} unreadable image(s) were left out, such as {skipped[0]}")
    if results.main == "validation" and results.training is not None:
        sentences.append(
            "the verdict is about the validation images, which also served to watch the training "
            "and to choose thresholds; images kept apart (a test split) would judge more strictly"
        )
    for name, measured in results.splits.items():
        if measured.metrics is None or (name == "train" and results.training is not None):
            continue
        sentences += [f"{name}: {caution}" for caution in measured.cautions]
        for label, values in measured.metrics["per_class"].items():
            if values["recall"] == 0:
                sentences.append(
                    f"{name}: not one of the {values['support']} image(s) of {label} is recognised"
                )
            if values["support"] < SMALL:
                sentences.append(
                    f"{name} holds only {values['support']} image(s) of {label}: what is said of "
                    "that class is uncertain"
                )
        if measured.metrics["patients"] is None:
            sentences.append(
                f"{name}: it is not known which images are of one patient, so each counts as a "
                "patient; if some are, the intervals are too narrow (`patients`)"
            )
    return sentences
