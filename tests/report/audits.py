"""Checks of data as audit.json holds them, for the tests of what is said of them."""

from jaxcovid.results import Audit


def figure(value, low=None, high=None):
    return {"value": value, "low": low, "high": high}


def floor(auroc, low=None, high=None):
    return {"auroc": figure(auroc, low, high), "balanced_accuracy": figure(0.6, 0.5, 0.7)}


NOT_RUN = {
    "auroc": None, "balanced_accuracy": None, "reason": "not run: jaxcovid audit --data D RUN"
}  # fmt: skip


def image(path, split="train", patient=None):
    return {"split": split, "path": path, "class": "normal", "patient": patient}


def pair(one, other, *across, kind="copy", correlation=0.985):
    return {
        "kind": kind, "correlation": correlation, "one": image(one), "other": image(other),
        "across": list(across),
    }  # fmt: skip


def check(*found, passed=None, **more):
    return {"passed": not found if passed is None else passed, "found": list(found), **more}


def blind_floor(*floors, lead=None, **more):
    """With a strong border; `floors` are those above chance."""
    return check(
        *({"floor": name, "auroc": 0.874} for name in floors),
        split="test",
        how="fitted on train, measured on test",
        headers=floor(0.75, 0.69, 0.8),
        border=floor(0.874, 0.83, 0.91),
        thumbnail=floor(0.93, 0.9, 0.95),
        brightness=NOT_RUN,
        features_without_centre=NOT_RUN,
        shuffled=floor(0.49, 0.4, 0.58),
        strongest="border",
        **({} if lead is None else {"lead": {"auroc": lead}}),
        **more,
    )


FLOOR = blind_floor("headers", "border", lead=figure(0.045, 0.01, 0.08))

FAILED = {
    "duplicates": check(pair("a/1.png", "a/2.png", "patients")),
    "patients": check({"patient": "p1", "splits": ["train", "validation"], "images": 5}),
    "blocks": check(
        {"class": "normal", "splits": ["train", "validation"], "runs": 2, "expected_runs": 120.3, "p_value": 0.0001}
    ),
    "sources": check(
        {"source": "NIH", "class": "normal", "images": 200},
        association=figure(0.93, 0.9, 0.96),
        by="column source",
    ),
    "blind_floor": FLOOR,
}  # fmt: skip

PASSED = {
    "duplicates": check(pair("a/1.png", "a/2.png"), passed=True),
    "patients": check(),
    "blocks": check(),
    "sources": {"passed": None, "found": [], "reason": "no column source, and names tell none"},
    "blind_floor": blind_floor(),
}


def audit(checks=FAILED):
    return Audit(checks)
