"""Numbers in DICOM files, as their texts have them."""

import numpy as np
import pytest

from jaxcovid.data import images
from tests.data.dicom_files import write, write_texts

# Text and what it means, beside a window's width of 512.
CENTERS = {
    "1024": 1024, "1024.5": 1024.5, "1024,5": 1024.5, " +1024,5": 1024.5, "1,0245E3": 1024.5,
    "1024,": 1024, "1024,5\\7": 1024.5, "1024.5\\x": None, "1024 HU": None, "1.024,5": None,
    "1,024,5": None, "0x400": None, "nan": None, "inf": None, "1e999": None, "-": None, ",": None,
    "1024\x1b[2J": None, "\\1024": None, "1_024": None, "\xb2": None,
}  # fmt: skip


@pytest.mark.parametrize("text", CENTERS)
def test_a_number_or_a_reason(text, tmp_path):
    path = write_texts(tmp_path / "a.dcm", {"WindowCenter": text}, WindowWidth=512)
    if CENTERS[text] is None:
        shown = text.replace("\x1b", "\\x1b").split("\\")[-1 if text.endswith("x") else 0]
        with pytest.raises(images.UnreadableError) as error:
            images.read_image(path)
        assert f"WindowCenter is '{shown}" in str(error.value) and str(error.value).isprintable()
        return
    write(tmp_path / "b.dcm", WindowCenter=CENTERS[text], WindowWidth=512)
    first, second = (np.asarray(images.read_image(tmp_path / f"{name}.dcm")) for name in "ab")
    assert len(np.unique(first)) > 30
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("keyword", ["WindowWidth", "RescaleSlope", "RescaleIntercept"])
def test_every_number_is_read_so(keyword, tmp_path):
    rest = {"WindowCenter": 1024, "WindowWidth": 512, "RescaleSlope": 1, "RescaleIntercept": 0}
    del rest[keyword]
    write_texts(tmp_path / "a.dcm", {keyword: "1,5"}, **rest)
    write(tmp_path / "b.dcm", **rest, **{keyword: 1.5})
    first, second = (np.asarray(images.read_image(tmp_path / f"{name}.dcm")) for name in "ab")
    np.testing.assert_array_equal(first, second)
    with pytest.raises(images.UnreadableError, match=f"{keyword} is 'wide *', which is no number"):
        images.read_image(write_texts(tmp_path / "a.dcm", {keyword: "wide"}, **rest))


def test_frames_are_counted_in_whole_numbers(tmp_path):
    for text, reason in (
        ("1,5", "NumberOfFrames is 1.5, not a whole"),
        ("-1", "-1 frames"),
        ("one", "'one"),
    ):
        with pytest.raises(images.UnreadableError, match=reason):
            images.read_image(write_texts(tmp_path / "a.dcm", {"NumberOfFrames": text}))
