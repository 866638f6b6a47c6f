"""An audit with something found by every check, and the same with nothing found or nothing run."""

import numpy as np

from jaxcovid.results import FLOORS, Audit
from tests.report.example import CLASSES


def figure(value, reach=0.04):
    return {"value": value, "low": value - reach, "high": min(value + reach, 1.0)}


def figures(auroc, balanced, reach=0.04):
    return {"auroc": figure(auroc, reach), "balanced_accuracy": figure(balanced, reach)}


def side(split, number, label=0, patient=None):
    path = f"{split}/{CLASSES[label]}/{number} <img src=x>.png"
    return {"split": split, "path": path, "class": CLASSES[label], "patient": patient}


NOT_RUN = {
    "auroc": None,
    "balanced_accuracy": None,
    "reason": "not run: jaxcovid audit --data D RUN",
}

PAIRS = [
    {"kind": "copy", "correlation": 0.985, "one": side("train", 3, 0, "p1"), "other": side("test", 9, 0, "p2"), "across": ["splits", "patients"]},
    {"kind": "mirrored", "correlation": 0.991, "one": side("train", 5), "other": side("train", 6, 1), "across": ["classes"]},
    {"kind": "equal", "correlation": 1.0, "one": side("train", 7, 1, "p5"), "other": side("train", 8, 1, "p5"), "across": []},
]  # fmt: skip

GROUPS = {
    "source": {
        "NIH": {"images": 10, "patients": 8, "accuracy": figure(0.8), "balanced_accuracy": figure(0.7), "auroc": figure(0.9)},
        "<b>Kermany": {"images": 5, "patients": None, "accuracy": figure(0.3), "balanced_accuracy": figure(0.3), "auroc": {"value": None, "low": None, "high": None, "reason": "one class"}},
    },
    "view": {"PA": {"images": 15, "patients": 12, "accuracy": figure(0.6), "balanced_accuracy": figure(0.6), "auroc": figure(0.7)}},
}  # fmt: skip

FOUND = {
    "blind_floor": {
        "passed": False, "split": "test", "how": "fitted on train, measured on test",
        "headers": figures(0.71, 0.55), "border": figures(0.87, 0.71), "thumbnail": figures(0.90, 0.74),
        "brightness": figures(0.62, 0.45), "features_without_centre": NOT_RUN, "shuffled": figures(0.51, 0.33, 0.08),
        "network": figures(0.93, 0.80), "strongest": "border", "lead": figures(0.06, 0.09),
        "found": [{"floor": "headers", "auroc": 0.71}, {"floor": "border", "auroc": 0.87}],
    },
    "lungs": {
        "passed": False, "whole": figures(0.93, 0.80), "lungs_blanked": figures(0.88, 0.70), "border_blanked": figures(0.81, 0.62),
        "grad_cam_outside": figure(0.41), "ellipse_area": 0.37, "found": ["without the lungs the network loses only 0.05 of its AUROC"],
    },
    "duplicates": {"passed": False, "found": PAIRS},
    "patients": {"passed": False, "found": [{"patient": "p1", "splits": ["train", "validation"], "images": 5}]},
    "sources": {
        "passed": False, "found": [{"source": "NIH", "class": CLASSES[1], "images": 200}],
        "association": figure(0.83), "by": "column source",
    },
    "blocks": {
        "passed": False,
        "found": [{"class": CLASSES[1], "splits": ["train", "validation"], "runs": 2, "expected_runs": 120.3, "p_value": 1e-9}],
    },
    "subgroups": {"passed": False, "found": [{"by": "source", "group": "<b>Kermany", "figure": "accuracy", "here": figure(0.3), "others": figure(0.8)}], "table": GROUPS},
    "out_of_place": {
        "passed": False, "images": 40, "share": figure(0.30), "expected": 0.05, "expected_at_most": 0.09, "false_alarms": figure(0.06),
        "found": [{"path": f"<b>noise {number}.png", "times": 3.5 - number / 10} for number in range(12)],
    },
    "labels": {
        "passed": False, "how": "cross-validated by patient, 5 folds", "images": 400, "accuracy": 0.82,
        "control": {"flipped": 20, "doubted": 40, "recall": 0.75, "precision": 0.375},
        "found": [
            {"split": "train", "path": f"a/{number}<b>.png", "class": CLASSES[0], "likelier": CLASSES[1],
             "probability_of_class": 0.01, "probability_of_likelier": 0.9}
            for number in range(2)
        ],
    },
    "sample_size": {
        "passed": False, "patients": 109, "found": [],
        "test": {
            CLASSES[0]: {"auroc": figure(0.95), "share": 0.1, "patients": 11, "needed": {"0.10": 366, "0.05": 1435}},
            CLASSES[1]: {"auroc": figure(1.0), "share": 0.9, "patients": 98, "needed": {"0.10": None, "0.05": None}},
        },
        "curve": {
            "measured": "validation", "epochs": 5, "doubt": "",
            "points": [
                {"share": share, "patients": 400 * share, "images": 500 * share, "auroc": figure(1 - 0.3 * share**-0.2), "draws": [0.5, 0.6]}
                for share in (0.25, 0.5, 1)
            ],
            "law": {"floor": 0.0, "factor": 1.0, "exponent": 0.2}, "held_back": {"expected": 0.71, "measured": 0.7},
            "gains": {"2": figure(0.03), "4": figure(0.05)},
        },
    },
}  # fmt: skip

# Those that only `jaxcovid audit` makes.
OF_AUDITS = ("labels", "sample_size")

CLEAN = {
    name: {**check, "passed": True, "found": [], **({"table": {}} if name == "subgroups" else {})}
    for name, check in FOUND.items()
}

UNKNOWN = {name: {"passed": None, "found": [], "reason": f"no {name} known"} for name in FOUND} | {
    "blind_floor": {
        "passed": None, "reason": "took too long", "found": [], "split": "images", "how": "cross-validated",
        **dict.fromkeys(FLOORS, NOT_RUN), "strongest": None,
    }
}  # fmt: skip


def audit(checks=FOUND):
    """Its pictures are of the first two pairs."""
    pixels = np.random.default_rng(5).integers(0, 255, (2, 96, 96, 1), np.uint8)
    return Audit(checks, [(image, image[:, ::-1]) for image in pixels])


CHECKLIST = [
    {"item": "19", "asks": "how images went to partitions", "state": "run", "answer": "given folders: 60, 40, 30 images"},
    {"item": "20", "asks": "level at which partitions are disjoint", "state": "part", "answer": "patients"},
    {"item": "14", "asks": "definition of the reference standard", "state": "author", "answer": "RT-PCR <b>"},
    {"item": "44", "asks": "funding and the funders' part", "state": "not stated", "answer": ""},
]  # fmt: skip
