"""What the cells of a table's label columns say of several findings in each image."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from jaxcovid.data.finding_codes import (
    BETWEEN,
    NOTHING,
    UNKNOWN,
    combination_of,
    finding_codes,
    findings_among,
    is_no_finding,
)
from jaxcovid.data.table_columns import Column
from jaxcovid.data.table_labels import (
    Labelled,
    binary,
    check_classes,
    fits,
    is_binary,
    unused_globs,
    values_of,
)
from jaxcovid.errors import check

# Findings by name in one row: 1 there, 0 not, NaN unknown.
States = dict[str, float]


def findings_of_rows(
    rows: Sequence[Sequence[str]],
    columns: Sequence[Column],
    globs: Mapping[str, Sequence[str]],
    wanted: Sequence[str] = (),
) -> Labelled | None:
    """The combination of findings in each row; None if rows are of one class each.

    They are that if each value stands alone in its cell, or if each row has a single 1 in its
    columns. With `wanted` these are the findings, whatever the rows hold. Of columns, -1 and
    nothing are unknown, but 0 where a column such as "No Finding" is 1. Of values a finding is 0
    where it is not named, and unknown with a question mark behind it. Raises InputError.
    """
    cells = [column.of(rows) for column in columns]
    of_columns = len(columns) > 1 or (bool(wanted) and is_binary(cells[0]))
    if of_columns:
        states, contrary = _of_columns(cells, [column.name for column in columns], globs)
    else:
        (of_cells,) = cells
        values = [values_of(cell) for cell in of_cells]
        if not (wanted or any(len(set(of_row)) > 1 for of_row in values)):
            return None
        states, contrary = _of_values(values, columns[0], globs)
    if of_columns and not wanted and all(map(_is_single, filter(_is_known, states))):
        return None
    names = tuple(dict.fromkeys(name for state in states for name in state))
    check([] if wanted else _unfit(names))
    if wanted:
        check(_strange(names, wanted, [column.name for column in columns]))
        absent = math.nan if of_columns else 0.0
        states = [
            {name: state.get(name, absent) for name in wanted} if state else {} for state in states
        ]
    states = [state if _is_known(state) else {} for state in states]
    findings = tuple(wanted) or names
    left = sorted({*names} - {*findings})
    notes = [_counted(findings, states), *_told(states, contrary)]
    notes += [f"not among the findings, left out: {', '.join(left)}"] if left else []
    classes = tuple(combination_of(state) if state else "" for state in states)
    return Labelled(classes, tuple(notes), findings=findings)


def agreed_findings(
    combinations: Sequence[str], findings: Sequence[str], readers: str | None
) -> str | None:
    """What several rows of one image say together; None if that leaves all open.

    `readers` is "any" (a finding is there if one row says so), "all" (if all do that know) or
    "majority"; as many for as against leave it unknown.
    """
    codes = finding_codes(combinations, findings)
    states: States = {}
    for name, column in zip(findings, codes.T, strict=True):
        known = column[~np.isnan(column)]
        share = known.mean() if len(known) else 0.5
        if readers == "any" and len(known):
            share = known.max()
        elif readers == "all" and len(known):
            share = known.min()
        states[name] = math.nan if share == 0.5 else float(share > 0.5)
    return combination_of(states) if _is_known(states) else None


def _of_columns(
    cells: Sequence[Sequence[str]], names: Sequence[str], globs: Mapping[str, Sequence[str]]
) -> tuple[list[States], int]:
    """The findings in each row, and in how many there is one beside a 1 for nothing."""
    odd = sorted({cell for column in cells for cell in column if not is_binary([cell])})
    unused = [glob for of in globs.values() for glob in of]
    unused = [glob for glob in unused if not any(fits(name, [glob]) for name in names)]
    check(
        [
            *(
                f"`columns`: columns of label must hold 0, 1, -1 or nothing, not {cell!r}"
                for cell in odd[:1]
            ),
            *(
                f"`labels`: {glob!r} fits no column of label; there are {', '.join(names)}"
                for glob in unused
            ),
        ]
    )
    renamed = [[name for name, of in globs.items() if fits(column, of)] for column in names]
    if not globs:
        renamed = [[name] for name in names]
    states, contrary = [], 0
    for row in zip(*cells, strict=True):
        values: dict[str, list[float]] = {}
        for cell, of_column in zip(row, renamed, strict=True):
            known = binary(cell)
            for name in of_column:
                values.setdefault(name, []).append(math.nan if known is None else float(known))
        state = {name: _any(of_name) for name, of_name in values.items()}
        denials = [state.pop(name) for name in [*state] if is_no_finding(name)]
        if 1 in denials:
            contrary += 1 in state.values()
            state = {name: 0.0 if math.isnan(value) else value for name, value in state.items()}
        states.append(state)
    return states, contrary


def _any(values: Sequence[float]) -> float:
    """1 if one of them is, else NaN if one of them is, else 0."""
    return 1.0 if 1 in values else math.fsum(values)


def _of_values(
    values: Sequence[Sequence[str]], column: Column, globs: Mapping[str, Sequence[str]]
) -> tuple[list[States], int]:
    """The findings in each row, none where the cell is empty, and how many deny themselves."""
    if globs:
        check(
            [f"`labels`: {glob!r} of {name} fits no value of {column.name!r}"
             for name, glob in unused_globs(globs, values)]
        )  # fmt: skip
    said: list[States] = []
    for of_row in values:
        state: States = {}
        for value in of_row:
            plain = value.removesuffix(UNKNOWN) or value
            for name in [name for name, of in globs.items() if fits(plain, of)][:1] or [plain]:
                if not globs or name in globs:
                    unknown = plain != value and state.get(name) != 1
                    state[name] = math.nan if unknown else 1.0
        said.append(state)
    names = sorted({name for state in said for name in state})
    if not globs:
        check_classes([[*state] for state in said], column)
    findings = findings_among(names)
    contrary = sum(
        any(is_no_finding(name) for name in state) and any(name in findings for name in state)
        for state in said
    )
    return [
        {name: state.get(name, 0.0) for name in findings} if of_row else {}
        for state, of_row in zip(said, values, strict=True)
    ], contrary


def _is_single(state: States) -> bool:
    """Whether a row tells of one class."""
    return sum(value == 1 for value in state.values()) == 1


def _is_known(state: States) -> bool:
    return any(not math.isnan(value) for value in state.values())


def _counted(findings: Sequence[str], states: Sequence[States]) -> str:
    there = Counter(name for state in states for name, value in state.items() if value == 1)
    unknown = Counter(
        name for state in states for name, value in state.items() if math.isnan(value)
    )
    listed = ", ".join(
        f"{name} {there[name]}" + (f" ({unknown[name]} unknown)" if unknown[name] else "")
        for name in findings
    )
    return f"several findings per image, each an output of its own; rows with each: {listed}"


def _told(states: Sequence[States], contrary: int) -> Iterator[str]:
    if left := sum(not state for state in states):
        yield f"{left} row(s) left out: nothing is known of any finding"
    if contrary:
        yield f"{contrary} row(s) name a finding and none at once: the finding counts"


def _unfit(names: Sequence[str]) -> list[str]:
    problems = [
        f"`labels`: {name!r} cannot be a finding's name, as {BETWEEN} stands between findings and "
        f"{UNKNOWN} behind unknown ones; give it another, NAME=GLOB"
        for name in names
        if BETWEEN in name or name.endswith(UNKNOWN) or name == NOTHING
    ]
    if len(names) < 2:
        held = f"only the finding {names[0]!r}" if names else "no finding"
        problems.append(
            f"`columns`: the labels hold {held}; name two columns or more, or its column alone"
        )
    return problems


def _strange(names: Sequence[str], wanted: Sequence[str], columns: Sequence[str]) -> list[str]:
    """What a network's findings have not in common with a table's."""
    if {*names} & {*wanted}:
        return []
    return [
        f"`columns`: no finding of the network ({', '.join(wanted)}) is in "
        f"{', '.join(columns)}; there are {', '.join(names) or 'none'}. Name other columns, or say "
        "which are its findings (`labels`)"
    ]
