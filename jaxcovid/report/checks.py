"""What the checks of data say, in words. They are those of `results.Audit`, by name."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from jaxcovid.audits.blind_floor import WITHOUT_LUNGS
from jaxcovid.report import words
from jaxcovid.results import FLOORS

# A check as audit.json holds it, and all of them by name.
Check = Mapping[str, Any]
Checks = Mapping[str, Check]

NAMES = {  # in the order of pages
    "blind_floor": "what is reached without lungs",
    "duplicates": "images that look alike",
    "lungs": "lungs or border blanked",
    "patients": "patients in two splits",
    "sources": "sources of one class",
    "blocks": "splits along file names",
    "subgroups": "groups of images",
    "out_of_place": "images unlike those of training",
    "labels": "doubtful labels",
    "sample_size": "how many patients it takes",
}

STATES = {True: "passed", False: "failed", None: "not run"}

FEW = 3  # names that a sentence shows


def failures(checks: Checks) -> list[str]:
    """A line for every check that failed: its name, and what was found in numbers."""
    return [
        f"{name_of(name)}: {outcome(name, check)}"
        for name, check in checks.items()
        if check["passed"] is False
    ]


def outcome(name: str, check: Check) -> str:
    """What a check found, or why it was not made; empty if it passed and lists nothing to see."""
    if check["passed"] is None:
        return str(check.get("reason", "not made"))
    if check["passed"]:
        return LISTED[name](check) if name in LISTED else ""
    return OUTCOMES[name](check) if name in OUTCOMES else f"{len(check['found'])} found"


def name_of(check: str) -> str:
    """A check's name in words."""
    return NAMES.get(check, check.replace("_", " "))


def strongest_floor(check: Check) -> str | None:
    """The name of the floor of highest macro AUROC among those without lungs, if any is measured.

    `check` is that of the blind floor.
    """
    return check.get("strongest")


def floor_area(check: Check, floor: str) -> Mapping[str, Any] | None:
    """The macro AUROC of that floor, as {"value", "low", "high"}; None if it is not measured."""
    return words.about(check.get(floor) or {}, "auroc")


def above_guessing(check: Check) -> list[str]:
    """The floors without lungs whose interval of macro AUROC lies above one half."""
    areas = {name: floor_area(check, name) for name in WITHOUT_LUNGS}
    ends = {name: words.ends(area) for name, area in areas.items() if area is not None}
    return [name for name, interval in ends.items() if interval is not None and interval[0] > 0.5]


def floor_lines(check: Check) -> list[str]:
    """What every floor reaches, on one line, and which were not measured on another."""
    measured = {name: area for name in FLOORS if (area := floor_area(check, name)) is not None}
    missing = [name for name in FLOORS if name in check and name not in measured]
    lines = []
    if measured:
        figures = [f"{FLOORS[name]} {words.figure(area)}" for name, area in measured.items()]
        lines.append(f"Truth floor, macro AUROC by {'; '.join(figures)}")
    if missing:
        reasons = dict.fromkeys(check[name].get("reason", "not measured") for name in missing)
        named = "; ".join(FLOORS[name] for name in missing)
        lines.append(f"Truth floor, without a figure: {named} ({'; '.join(reasons)})")
    return lines


def unlike_lines(check: Check) -> list[str]:
    """A line about images unlike those of training, where they are no more than is expected."""
    if not check.get("passed") or not check["found"]:
        return []
    named = words.first_of([row["path"] for row in check["found"]], FEW)
    return [f"Unlike the training images: {named} (of {words.counted(check['images'], 'image')})"]


def _duplicates(check: Check) -> str:
    pairs = [pair for pair in check["found"] if pair["across"]]
    counts = Counter(kind for pair in pairs for kind in pair["across"])
    first = pairs[0]
    example = f"{first['one']['path']} and {first['other']['path']} ({first['kind']}"
    if first.get("correlation") is not None:
        example += f", correlation {first['correlation']:.3f}"
    if len(pairs) == 1:
        return f"1 pair across {words.listed(list(counts))}: {example})"
    across = ", ".join(f"{number} across {kind}" for kind, number in counts.items())
    return f"{len(pairs):,} pairs ({across}), such as {example})"


def _patients(check: Check) -> str:
    found = check["found"]
    images = sum(patient["images"] for patient in found)
    example = f"{found[0]['patient']} ({', '.join(found[0]['splits'])})"
    has = "1 patient has" if len(found) == 1 else f"{len(found):,} patients have"
    return f"{has} {words.counted(images, 'image')} in more than one split, such as {example}"


def _blocks(check: Check) -> str:
    classes = [
        f"{words.short(row['class'])} ({row['runs']} runs where {row['expected_runs']:.1f} are "
        f"expected, {words.p_value(row['p_value'])})"
        for row in check["found"]
    ]
    return f"the split follows the order of file names in {words.first_of(classes, FEW)}"


def _sources(check: Check) -> str:
    sources = [
        f"{row['source']} ({words.counted(row['images'], 'image')} of {words.short(row['class'])})"
        for row in check["found"]
    ]
    text = (
        f"{words.counted(len(sources), 'source')} (by {check.get('by', 'an unknown rule')}) of one "
        f"class only: {words.first_of(sources, FEW)}"
    )
    association = words.about(check, "association")
    if association is None:
        return text
    return f"{text}; source and class go together (Cramer's V {words.figure(association)})"


def _blind_floor(check: Check) -> str:
    floors = [row["floor"] for row in check["found"]]
    figures = [
        f"{words.figure(area)} by {FLOORS[floor]}"
        for floor in floors
        if (area := floor_area(check, floor)) is not None
    ]
    thumbnail = floor_area(check, "thumbnail")
    beside = (
        "" if thumbnail is None else f"; {words.figure(thumbnail)} by thumbnails of 16 x 16 pixels"
    )
    return (
        f"above chance without lungs, macro AUROC {'; '.join(figures)}{beside}. A shortcut exists, "
        "which does not say that a network uses it"
    )


def _sentences(check: Check) -> str:
    return "; ".join(check["found"])


def group_line(row: Mapping[str, Any]) -> str:
    """A group on which a network is clearly worse, with its figure and that of all others."""
    return (
        f"{row['by']} {words.short(row['group'])}: {row['figure'].replace('_', ' ')} "
        f"{words.figure(row['here'])}, of all others {words.figure(row['others'])}"
    )


def _subgroups(check: Check) -> str:
    lines = [group_line(row) for row in check["found"]]
    return f"clearly worse than the rest: {words.first_of(lines, FEW)}"


def _out_of_place(check: Check) -> str:
    return (
        f"{len(check['found']):,} of {words.counted(check['images'], 'image')}, on average "
        f"{words.percents(check['share'])} of a patient's, where up to "
        f"{100 * check['expected_at_most']:.0f} % may be chance; what the network says of such "
        "images was never measured"
    )


def gain_words(curve: Mapping[str, Any]) -> str:
    """What twice the training patients would bring, or why that cannot be said."""
    gain = curve["gains"].get("2")
    if gain is None:
        return f"what more training patients would bring cannot be said: {curve['doubt']}"
    said = (
        f"twice the training patients would bring {gain['value']:+.3f} of macro AUROC "
        f"({gain['low']:+.3f} to {gain['high']:+.3f})"
    )
    return f"{said}, but {curve['doubt']}" if curve["doubt"] else said


def _doubts(check: Check) -> str:
    return f"{len(check['found']):,} to look at" if check["found"] else ""


def _few_unlike(check: Check) -> str:
    number = len(check["found"])
    return f"{number:,}, not clearly more than expected" if number else ""


def _gain(check: Check) -> str:
    curve = check.get("curve")
    return "" if curve is None else gain_words(curve)


# What a check that passed tells all the same.
LISTED: Mapping[str, Callable[[Check], str]] = {
    "labels": _doubts,
    "out_of_place": _few_unlike,
    "sample_size": _gain,
}

OUTCOMES: Mapping[str, Callable[[Check], str]] = {
    "duplicates": _duplicates,
    "patients": _patients,
    "blocks": _blocks,
    "sources": _sources,
    "blind_floor": _blind_floor,
    "lungs": _sentences,
    "subgroups": _subgroups,
    "out_of_place": _out_of_place,
}
