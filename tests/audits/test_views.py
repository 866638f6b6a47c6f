import numpy as np
import pytest

from jaxcovid.audits import views
from jaxcovid.data.dataset import Header
from tests.audits.made_up import noise, split

SPLIT = split("train", noise(range(3)), [0, 1, 2])


def changed(rows, columns):
    """The split with other greys in these rows and columns of the 64 of its first miniature."""
    miniatures = SPLIT.miniatures.copy()
    miniatures[0, rows, columns] = 0
    return SPLIT._replace(miniatures=miniatures)


CENTRE, CORNER = (slice(8, 56), slice(4, 60)), (slice(4, 8), slice(4, 8))
SEEN = {  # view, what is blacked out, whether the view shows it
    "border, centre": (views.border_view, CENTRE, False),
    "border, corner": (views.border_view, CORNER, True),
    "thumbnail, centre": (views.thumbnail_view, CENTRE, True),
    "brightness, centre": (views.brightness_view, CENTRE, True),
}


@pytest.mark.parametrize("case", SEEN)
def test_what_a_view_shows(case):
    view, (rows, columns), is_seen = SEEN[case]
    before, after = view(SPLIT), view(changed(rows, columns))
    assert before.shape == after.shape and len(before) == 3
    assert np.array_equal(before[0], after[0]) is not is_seen
    np.testing.assert_array_equal(before[1:], after[1:])


def test_headers_as_numbers():
    headers = [Header(20, 10, "L", "PNG"), Header(30, 30, "RGB", "JPEG", (5.0, 6.0))]
    kinds = sorted({views.kind_of(header) for header in headers})
    assert views.header_view(headers, kinds).tolist() == [
        [20, 10, 2, 0, 0, 0, 1], [30, 30, 1, 5, 6, 1, 0],
    ]  # fmt: skip


def test_the_ellipse_is_central_and_takes_its_share():
    inside = views.inside_ellipse(224, 224)
    assert inside.mean() == pytest.approx(np.pi * np.prod(views.ELLIPSE), abs=0.01)
    np.testing.assert_array_equal(inside, inside[::-1, ::-1])
    assert inside[112, 112] and not inside[0].any() and not inside[:, 0].any()
