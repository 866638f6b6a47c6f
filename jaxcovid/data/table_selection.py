"""Which rows of a table are used: those of which a condition on its columns holds."""

import ast
import math
import re

from jaxcovid.data.table_columns import Column
from jaxcovid.data.table_file import TableFile
from jaxcovid.errors import InputError, first_line

# What a condition may hold besides names and values. pandas would call any method of a column, also
# one that writes files, and conditions come from config.json, too.
_ALLOWED = (
    ast.Expression, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.Invert, ast.USub,
    ast.Compare, ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn,
    ast.BinOp, ast.BitAnd, ast.BitOr, ast.Add, ast.Sub, ast.Mult, ast.Div,
    ast.Name, ast.Load, ast.Constant, ast.Tuple, ast.List, ast.Call, ast.Attribute, ast.keyword,
)  # fmt: skip
_METHODS = (
    "str", "startswith", "endswith", "contains", "fullmatch", "lower", "upper", "strip", "isin",
    "isna", "notna", "between",
)  # fmt: skip


def selected_rows(table: TableFile, condition: str | None) -> list[int]:
    """Places of the rows of which the condition holds, as pandas' `query` understands it.

    None holds of all. Raises InputError if it holds of none, or cannot be asked.
    """
    if condition is None:
        return list(range(len(table.rows)))
    import pandas

    width = len(table.columns) or max(map(len, table.rows))
    names = table.columns or tuple(map(str, range(width)))
    columns = {
        name: _as_numbers(Column(place, name).of(table.rows))
        for place, name in enumerate(names)
        if name in condition
    }
    frame = pandas.DataFrame(columns, index=range(len(table.rows)))
    try:
        _check(condition)
        chosen = frame.query(condition, engine="python", local_dict={}, global_dict={}).index
    except Exception as error:  # whatever an expression may do
        raise InputError(
            [f"`select_rows`: {condition!r} cannot be asked of columns {', '.join(names)} "
             f"({first_line(error)}); write names with blanks in backquotes"]
        ) from None  # fmt: skip
    if not len(chosen):
        raise InputError([f"`select_rows`: {condition!r} holds of no row"])
    return [int(place) for place in chosen]


def _check(condition: str) -> None:
    """Raises ValueError at what is no comparison, SyntaxError at what is no expression."""
    tree = ast.parse(re.sub("`[^`]*`", "column", condition), mode="eval")
    for node in ast.walk(tree):
        if not isinstance(node, _ALLOWED):
            raise ValueError(f"{type(node).__name__} is no part of a condition")
        if isinstance(node, ast.Attribute) and node.attr not in _METHODS:
            raise ValueError(f".{node.attr} is none of .{', .'.join(_METHODS)}")
        if isinstance(node, ast.Call) and not isinstance(node.func, ast.Attribute):
            raise ValueError("functions cannot be called")


def _as_numbers(cells: list[str]) -> list[str] | list[float]:
    """A column as numbers, NaN where a cell is empty, if all others are numbers."""
    try:
        return [float(cell) if cell else math.nan for cell in cells]
    except ValueError:
        return cells
