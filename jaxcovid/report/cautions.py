"""What a reader should know before believing the figures."""

from jaxcovid.results import Results

# With fewer images of a class than that, its figures are guesses.
SMALL = 30


def cautions(results: Results) -> list[str]:
    """One sentence each: warnings of the run, and what the figures themselves tell."""
    settings = results.settings
    found = list(settings.get("warnings", ()))
    if settings.get("weights_source") == "random weights" and not any(
        "random" in each for each in found
    ):
        found.append("training started from random weights, not from ImageNet's")
    dataset = settings.get("dataset", {})
    if skipped := dataset.get("skipped"):
        found.append(f"{len(skipped)} unreadable image(s) were left out, such as {skipped[0]}")
    if results.main == "validation" and results.training is not None:
        found.append(
            "the verdict is about the validation images, which also served to watch the training "
            "and to choose thresholds; images kept apart (a test split) would judge more strictly"
        )
    for name, measured in results.splits.items():
        if measured.metrics is None or (name == "train" and results.training is not None):
            continue
        if "f1_of_last_batch" in measured.metrics:
            found.append(
                f"{name}: F1 as the original computes it is "
                f"{measured.metrics['f1_of_last_batch']:.4f}; the macro-F1 of all images is "
                f"{measured.metrics['macro_f1']:.4f}"
            )
        for label, each in measured.metrics["per_class"].items():
            if each["recall"] == 0:
                found.append(
                    f"{name}: not one of the {each['support']} image(s) of {label} is recognised"
                )
            if each["support"] < SMALL:
                found.append(
                    f"{name} holds only {each['support']} image(s) of {label}: what is said of "
                    "that class is uncertain"
                )
        if measured.metrics["patients"] is None:
            found.append(
                f"{name}: it is not known which images are of one patient, so each counts as a "
                "patient; if some are, the intervals are too narrow (--patients)"
            )
    return found
