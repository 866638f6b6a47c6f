"""What files of a run hold, as those rely on it that read them back (see `json_file.misfit`)."""

from types import NoneType

from jaxcovid.json_file import Shape

# A figure, null where it is undefined; and its interval.
FIGURE: Shape = (float, NoneType)
INTERVAL: Shape = ([float], NoneType)

# config.json besides settings.
RECORD: Shape = {
    "dataset": {"name": str, "classes": [str], "images": {str: {str: int}}},
    "data_fingerprint": str,
    "weights_source": str,
    "versions": {str: (str, NoneType)},
    "device": {str: (str, int)},
    "warnings": [str],
}

# metrics.json, of each split.
MEASURED: Shape = {
    "accuracy": FIGURE,
    "balanced_accuracy": FIGURE,
    "macro_f1": FIGURE,
    "auroc?": FIGURE,
    "confusion_matrix": [[int]],
    "per_class": {str: {"support": int, "recall?": FIGURE, "f1?": FIGURE}},
    "intervals?": {str: ([float], NoneType, {str: {str: INTERVAL}})},
    "undefined?": {str: str},
    "patients?": (int, NoneType),
    "findings?": dict,
    "loss?": FIGURE,
    "referral?": {str: {"images": int, "accuracy": float, "interval": INTERVAL}},
}

# The same where images have several findings.
MEASURED_FINDINGS: Shape = {
    "auroc": FIGURE,
    "exact_match": FIGURE,
    "per_finding": {str: {"support": int, "known": int, "auroc": FIGURE}},
    "intervals": {str: ([float], NoneType, {str: {str: INTERVAL}})},
}

# done.json of a sweep; numbers that are not finite are text there.
OUTCOMES: Shape = [
    {
        "place": int,
        "diverged": int,
        "history": [[(float, str)]],
        "figures": {str: {str: FIGURE}},
        "answers?": ([str], NoneType),
        "measured_epoch?": (int, NoneType),
    }
]

# The account of a checkpoint.
ACCOUNT: Shape = {
    "settings": dict,
    "journal": dict,
    "validation_loss": FIGURE,
    "digests": {str: str},
    "digest": str,
}
