"""The part of a DICOM image that its shutter leaves to be seen."""

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Int
from PIL import Image, ImageDraw

from jaxcovid.data.dicom_values import numbers
from jaxcovid.data.readable import UnreadableError
from weights_convert.printable import printable

if TYPE_CHECKING:
    import pydicom

EDGES = (
    "ShutterLeftVerticalEdge", "ShutterRightVerticalEdge",
    "ShutterUpperHorizontalEdge", "ShutterLowerHorizontalEdge",
)  # fmt: skip
CENTER, RADIUS = "CenterOfCircularShutter", "RadiusOfCircularShutter"
VERTICES = "VerticesOfThePolygonalShutter"
ATTRIBUTES = ("ShutterShape", *EDGES, CENTER, RADIUS, VERTICES)

MAX_VERTICES = 1000  # the time to draw one grows with them
FARTHEST = 2**16  # rows and columns of a DICOM image are fewer


def visible(
    dataset: "pydicom.Dataset", height: int, width: int
) -> Bool[np.ndarray, "height width"]:
    """Which pixels lie within all shapes of the shutter (PS3.3 C.7.6.11); all if there is none.

    Edges belong to what is seen. Raises UnreadableError for a shape that is not understood, and if
    nothing is left to be seen.
    """
    inside = np.broadcast_to(True, (height, width))
    shapes = dataset.get("ShutterShape") or ()
    for shape in [shapes] if isinstance(shapes, str) else shapes:
        code = str(shape).strip(" \0").upper()
        if code not in SHAPES:
            raise UnreadableError(f"its ShutterShape is {printable(code, 40)}, which is not read")
        inside = inside & SHAPES[code](dataset, height, width)
    if not inside.any():
        raise UnreadableError("its shutter hides all pixels (ShutterShape)")
    return inside


def _rectangle(
    dataset: "pydicom.Dataset", height: int, width: int
) -> Bool[np.ndarray, "height width"]:
    left, right, upper, lower = (_exactly(1, dataset, edge)[0] for edge in EDGES)
    rows, columns = _places(height, width)
    return ((upper <= rows) & (rows <= lower)) & ((left <= columns) & (columns <= right))


def _circle(
    dataset: "pydicom.Dataset", height: int, width: int
) -> Bool[np.ndarray, "height width"]:
    (row, column), (radius,) = _exactly(2, dataset, CENTER), _exactly(1, dataset, RADIUS)
    rows, columns = _places(height, width)
    with np.errstate(invalid="ignore"):  # rows above and below: nothing is in a span of NaN
        half = np.sqrt(radius**2 - (rows - row) ** 2)
    return (column - half <= columns) & (columns <= column + half)


def _polygon(
    dataset: "pydicom.Dataset", height: int, width: int
) -> Bool[np.ndarray, "height width"]:
    places = numbers(dataset, VERTICES)
    if len(places) % 2 or not 6 <= len(places) <= 2 * MAX_VERTICES:
        raise UnreadableError(
            f"its {VERTICES} hold {len(places):,} numbers, which are no rows and columns of 3 to "
            f"{MAX_VERTICES:,} corners"
        )
    if max(map(abs, places)) > FARTHEST:
        raise UnreadableError(f"its {VERTICES} lie beyond any image")
    corners = [(column - 1, row - 1) for row, column in zip(places[::2], places[1::2], strict=True)]
    mask = Image.new("L", (width, height))
    ImageDraw.Draw(mask).polygon(corners, fill=1, outline=1)
    return np.asarray(mask).view(bool)


SHAPES = {"RECTANGULAR": _rectangle, "CIRCULAR": _circle, "POLYGONAL": _polygon}


def _exactly(count: int, dataset: "pydicom.Dataset", keyword: str) -> list[float]:
    if len(values := numbers(dataset, keyword)) != count:
        raise UnreadableError(
            f"its {keyword} holds {len(values)} numbers instead of {count}, so its shutter is "
            "unknown"
        )
    return values


def _places(
    height: int, width: int
) -> tuple[Int[np.ndarray, "height 1"], Int[np.ndarray, "width"]]:
    """Rows and columns as DICOM counts them, from 1."""
    return np.arange(1, height + 1)[:, None], np.arange(1, width + 1)
