import io

import pytest

from jaxcovid.data.readable import MAX_SCANNED, UnreadableError, check_scans
from tests.conftest import picture


def progressive(scans, metadata=b""):
    """A progressive JPEG of 16 x 16 pixels that repeats its last scan until it has so many."""
    buffer = io.BytesIO()
    picture(0, (16, 16)).save(buffer, "JPEG", progressive=True, exif=metadata)
    content = buffer.getvalue()
    last = content[content.rindex(b"\xff\xda") : -2]
    return content[:-2] + last * (scans - 6) + b"\xff\xd9"


MARKS = b"\xff\xda" * 200
JPEGS = {  # content, pixels, scans if they are too many
    "ordinary": (progressive(6), 256, None),
    "as many as are read": (progressive(100), 256, None),
    "too many": (progressive(101), 256, "101 scans"),
    "thousands": (progressive(5000), 256, "5,000 scans"),
    "marks in metadata": (progressive(6, b"Exif\0\0" + MARKS), 256, None),
    "too many behind metadata": (progressive(101, b"Exif\0\0" + MARKS), 256, "101 scans"),
    "marks behind the end": (progressive(6) + MARKS, 256, None),
    "few, of very many pixels": (progressive(11), MAX_SCANNED // 10, "11 scans"),
    "ten, of very many pixels": (progressive(10), MAX_SCANNED // 10, None),
    "nothing but marks": (MARKS, 256, None),
    "filled with marks": (progressive(101).replace(b"\xff\xda", b"\xff\xff\xff\xda"), 256, "101 scans"),
}  # fmt: skip


@pytest.mark.parametrize("case", JPEGS)
def test_scans_are_counted_where_they_count(case):
    content, pixels, reason = JPEGS[case]
    if reason is None:
        check_scans(content, pixels)
    else:
        with pytest.raises(UnreadableError, match=f"a JPEG of {reason}"):
            check_scans(content, pixels)
