"""What a shutter hides is black and counts for nothing; odd shutters are refused."""

import numpy as np
import pytest

from jaxcovid.data import images
from tests.data.dicom_files import RAMP, write
from tests.data.test_dicom import jpeg

ROWS, COLUMNS = np.mgrid[1:17, 1:17]
EDGES = dict(zip(
    ("ShutterLeftVerticalEdge", "ShutterRightVerticalEdge",
     "ShutterUpperHorizontalEdge", "ShutterLowerHorizontalEdge"), (3, 12, 5, 16), strict=True,
))  # fmt: skip
RECTANGLE = {"ShutterShape": "RECTANGULAR", **EDGES}
CIRCLE = {
    "ShutterShape": "CIRCULAR", "CenterOfCircularShutter": [6, 9], "RadiusOfCircularShutter": 5,
}  # fmt: skip
TRIANGLE = {"ShutterShape": "POLYGONAL", "VerticesOfThePolygonalShutter": [1, 1, 16, 1, 16, 16]}

IN_RECTANGLE = (COLUMNS >= 3) & (COLUMNS <= 12) & (ROWS >= 5)
IN_CIRCLE = (ROWS - 6) ** 2 + (COLUMNS - 9) ** 2 <= 25
SHUTTERS = {
    "rectangle": (RECTANGLE, IN_RECTANGLE),
    "circle": (CIRCLE, IN_CIRCLE),
    "polygon": (TRIANGLE, ROWS >= COLUMNS),
    "two shapes": (
        RECTANGLE | CIRCLE | {"ShutterShape": ["RECTANGULAR", "CIRCULAR"]},
        IN_RECTANGLE & IN_CIRCLE,
    ),
    "wider than the image": ({**CIRCLE, "RadiusOfCircularShutter": 2**31 - 1}, ROWS > 0),
    "small letters": ({**CIRCLE, "ShutterShape": "circular"}, IN_CIRCLE),
    "edges of no shape": (EDGES, ROWS > 0),
}


def read(path):
    return np.asarray(images.read_image(path))


@pytest.mark.parametrize("colours", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("case", SHUTTERS)
def test_only_what_is_seen_decides_the_greys(case, colours, tmp_path):
    attributes, visible = SHUTTERS[case]
    shown = {"PhotometricInterpretation": colours}
    alone = RAMP[visible]
    # The same greys as if only those pixels were there.
    pixels = np.broadcast_to(alone, (len(alone), len(alone)))
    expected = read(write(tmp_path / "alone.dcm", pixels, **shown))[0]
    actual = read(write(tmp_path / "image.dcm", **attributes, **shown))
    np.testing.assert_array_equal(actual[visible], expected)
    assert not actual[~visible].any()


def test_of_compressed_pixels(tmp_path):
    from pydicom.encaps import encapsulate
    from pydicom.uid import JPEGBaseline8Bit

    data = jpeg()
    path = write(tmp_path / "x.dcm", np.zeros((16, 16)), 8, JPEGBaseline8Bit, encapsulate([data]), **CIRCLE)  # fmt: skip
    assert not read(path)[~IN_CIRCLE].any() and read(path)[IN_CIRCLE].any()


REFUSED = {
    "a bitmap": ({"ShutterShape": "BITMAP"}, "ShutterShape is BITMAP, which is not read"),
    "another shape": ({"ShutterShape": "HEART"}, "ShutterShape is HEART"),
    "one of two": (RECTANGLE | {"ShutterShape": ["RECTANGULAR", "BITMAP"]}, "ShutterShape is BITMAP"),
    "no edge": ({**RECTANGLE, "ShutterLeftVerticalEdge": None}, "ShutterLeftVerticalEdge holds 0 numbers instead of 1"),
    "no radius": ({**CIRCLE, "RadiusOfCircularShutter": None}, "RadiusOfCircularShutter holds 0"),
    "half a center": ({**CIRCLE, "CenterOfCircularShutter": 3}, "CenterOfCircularShutter holds 1 numbers instead of 2"),
    "two corners": ({**TRIANGLE, "VerticesOfThePolygonalShutter": [1, 1, 9, 9]}, "hold 4 numbers"),
    "half a corner": ({**TRIANGLE, "VerticesOfThePolygonalShutter": [1] * 7}, "hold 7 numbers"),
    "many corners": ({**TRIANGLE, "VerticesOfThePolygonalShutter": [1, 9] * 1001}, "hold 2,002 numbers"),
    "far corners": ({**TRIANGLE, "VerticesOfThePolygonalShutter": [1, 1, 2**31 - 1, 1, 9, 9]}, "beyond any image"),
    "nothing seen": ({**RECTANGLE, "ShutterLeftVerticalEdge": 13}, "hides all pixels"),
    "a circle beside": ({**CIRCLE, "CenterOfCircularShutter": [6, 90]}, "hides all pixels"),
    "padding is all that is seen": ({**RECTANGLE, "PixelPaddingValue": 0, "PixelPaddingRangeLimit": 4095}, "all its pixels are padding"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refused_with_a_reason(case, tmp_path):
    attributes, reason = REFUSED[case]
    with pytest.raises(images.UnreadableError, match=reason):
        images.read_image(write(tmp_path / "image.dcm", **attributes))


def test_a_large_image_is_read_in_its_strips(tmp_path):
    pixels = np.full((3000, 3000), 4000)
    pixels[0] = 100
    circle = {**CIRCLE, "CenterOfCircularShutter": [1500, 1500], "RadiusOfCircularShutter": 1400}
    image = images.read_image(write(tmp_path / "x.dcm", pixels, PixelPaddingValue=1, WindowCenter=2048, WindowWidth=4096, **circle))  # fmt: skip
    assert image.mode == "L" and image.getpixel((0, 0)) == 0
    row = np.asarray(image)[1499]
    assert (row[:99] == 0).all() and (row[99:2900] > 240).all() and (row[2900:] == 0).all()
