"""DICOM files made here: which are read, and which are refused."""

import io
import sys
import warnings

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
)

from jaxcovid.data import dicom, images, readable
from jaxcovid.errors import InputError
from tests.conftest import picture
from tests.data.dicom_files import RAMP, table, write
from tests.data.image_files import load_folder
from tests.data.test_readable import progressive


def test_width_and_height_are_not_swapped(tmp_path):
    assert images.read_image(write(tmp_path / "x.dcm", RAMP[:10])).size == (16, 10)


def test_jpeg_inside(tmp_path):
    buffer = io.BytesIO()
    picture(1, (32, 24)).save(buffer, "JPEG")
    path = write(tmp_path / "x.dcm", np.zeros((24, 32)), 8, JPEGBaseline8Bit, encapsulate([buffer.getvalue()]), WindowCenter=128, WindowWidth=256)  # fmt: skip
    np.testing.assert_array_equal(
        np.asarray(images.read_image(path)), np.asarray(Image.open(buffer))
    )


def test_nothing_else_is_parsed(tmp_path, monkeypatch):
    read = []

    def check(dataset):
        read.extend(element.keyword for element in dataset)

    monkeypatch.setattr(dicom, "_check", check)
    images.read_image(write(tmp_path / "x.dcm"))
    assert "Rows" in read and not {"PatientName", "SOPInstanceUID"} & set(read)


def test_what_pydicom_warns_of_is_not_shown(tmp_path):
    data = RAMP.astype("<u2").tobytes() + bytes(100)
    path = write(tmp_path / "x.dcm", data=data)
    with warnings.catch_warnings(), pytest.warns(UserWarning, match="pixel data"):
        pydicom.dcmread(path).pixel_array  # noqa: B018
    images.read_image(path)


def jpeg(size=(16, 16)):
    buffer = io.BytesIO()
    picture(1, size).save(buffer, "JPEG")
    return buffer.getvalue()


DUMMY = encapsulate([b"\xff\xd8\xff\xd9"])

REFUSED = {
    "no pixels": ({"PixelData": None}, "holds no pixels"),
    "frames": ({"NumberOfFrames": 2}, "2 frames"),
    "colours": ({"PhotometricInterpretation": "RGB", "SamplesPerPixel": 3, "PlanarConfiguration": 0}, "colours are RGB"),
    "palette": ({"PhotometricInterpretation": "PALETTE COLOR"}, "colours are PALETTE COLOR"),
    "32 bits": ({"BitsAllocated": 32, "BitsStored": 32}, "take 32 bits"),
    "too few pixels": ({"data": bytes(100)}, "broken or cut short"),
    "no size": ({"Rows": None}, "lacks its Rows"),
    "large": ({"Rows": 9200, "Columns": 9200}, "more than 80,000,000 pixels"),
    "a strip": ({"pixels": RAMP.reshape(2, 128)}, "128 x 2 pixels show no X-ray"),
    "long": ({"pixels": np.zeros((8, 100))}, "100 x 8 pixels show no X-ray"),
    "no decoder": ({"syntax": JPEGLosslessSV1, "data": DUMMY}, "pip install pylibjpeg"),
    "a decoder that fails": ({"syntax": JPEGExtended12Bit, "data": DUMMY}, "pip install pylibjpeg"),
    "a film": ({"syntax": UID("1.2.840.10008.1.2.4.102"), "data": DUMMY}, "MPEG-4.*cannot be decoded"),
    "floats": ({"PixelData": None, "FloatPixelData": b"\0" * 1024}, r"fractions \(FloatPixelData\)"),
    "doubles": ({"PixelData": None, "DoubleFloatPixelData": b"\0" * 2048}, r"fractions \(DoubleFloatPixelData\)"),
    "frames beyond those said": ({"data": RAMP.astype("<u2").tobytes() * 2}, "those of 2 frames, not of one"),
    "frames packed beyond those said": ({"syntax": JPEGBaseline8Bit, "bits": 8, "data": encapsulate([jpeg(), jpeg()])}, "those of 2 frames"),
    "no colours": ({"PhotometricInterpretation": None}, "colours are missing"),
    "INVERSE against MONOCHROME2": ({"PresentationLUTShape": "INVERSE"}, "PresentationLUTShape is INVERSE, but its colours MONOCHROME2"),
    "a presentation table": ({"PresentationLUTSequence": table(0, range(16))}, "PresentationLUTSequence"),
    "windows of frames": ({"SharedFunctionalGroupsSequence": table(0, range(16))}, "SharedFunctionalGroupsSequence"),
    "long pixels": ({"PixelAspectRatio": [2, 1]}, r"not square \(PixelAspectRatio 2 x 1\)"),
    "long pixels, in mm": ({"ImagerPixelSpacing": [0.1, 0.2]}, r"not square \(ImagerPixelSpacing 0.1 x 0.2\)"),
    "packed pixels of another size": ({"syntax": JPEGBaseline8Bit, "bits": 8, "data": encapsulate([jpeg((64, 32))])}, "pixels are 64 x 32, but the file says 16 x 16"),
    "thousands of scans": ({"syntax": JPEGBaseline8Bit, "bits": 8, "data": encapsulate([progressive(101)])}, "JPEG of 101 scans"),
    "deflated": ({"syntax": DeflatedExplicitVRLittleEndian}, "deflated"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refused_with_a_reason(case, tmp_path):
    arguments, reason = REFUSED[case]
    path = write(tmp_path / "image.dcm", **arguments)
    with pytest.raises(images.UnreadableError, match=reason) as error:
        images.read_image(path)
    assert "\n" not in str(error.value)


def test_another_format_by_that_name(tmp_path):
    picture(0).save(tmp_path / "image.png")
    (tmp_path / "image.png").rename(tmp_path / "image.dcm")
    with pytest.raises(images.UnreadableError, match="not DICOM but PNG; rename the file"):
        images.read_image(tmp_path / "image.dcm")


@pytest.mark.parametrize("cut", range(20))
def test_a_file_cut_anywhere_is_unreadable(cut, tmp_path):
    path = write(tmp_path / "image.dcm", VOILUTSequence=table(0, range(100)))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * cut // 20])
    with pytest.raises(images.UnreadableError):
        images.read_image(path)


def test_beside_pngs_in_a_folder(image_folder, tmp_path):
    path = write(image_folder / "train" / "covid" / "a.dcm", WindowCenter=1024, WindowWidth=512)
    train = load_folder(image_folder, tmp_path / "cache").splits["train"]
    index = train.paths.index("train/covid/a.dcm")
    assert len(train.labels) == 13 and train.labels[index] == 0
    expected = images.evaluation_view(images.read_image(path))
    np.testing.assert_array_equal(train.evaluation[index], expected)


def test_without_pydicom(image_folder, tmp_path, monkeypatch):
    path = write(image_folder / "train" / "covid" / "a.dcm")
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(readable.UnreadableError, match=r"pip install 'jaxcovid\[dicom\]'"):
        images.read_image(path)
    with pytest.raises(InputError, match=r"1 DICOM file\(s\), such as a.dcm; .* pip install"):
        load_folder(image_folder, tmp_path / "cache", skip=True)
    monkeypatch.undo()
    assert len(load_folder(image_folder, tmp_path / "cache").splits["train"].labels) == 13


def test_a_verdict_does_not_outlive_the_lack_of_a_decoder(image_folder, tmp_path, monkeypatch):
    path = image_folder / "train" / "covid" / "a.dcm"
    write(path, syntax=JPEGLosslessSV1, data=DUMMY)
    assert len(load_folder(image_folder, tmp_path / "cache", skip=True).skipped) == 1
    installed = (*dicom.software(), "libjpeg")
    monkeypatch.setattr(dicom, "software", lambda: installed)
    monkeypatch.setattr(dicom, "_words", lambda dataset: RAMP.astype("u2"))
    again = load_folder(image_folder, tmp_path / "cache", skip=True)
    assert not again.skipped and len(again.splits["train"].labels) == 13


def test_pngs_alone_do_without(image_folder, tmp_path, monkeypatch):
    first = load_folder(image_folder, tmp_path / "cache")
    monkeypatch.setitem(sys.modules, "pydicom", None)
    monkeypatch.setattr(images, "read_described", None)
    assert load_folder(image_folder, tmp_path / "cache").fingerprint == first.fingerprint


def test_what_the_header_says(tmp_path):
    path = write(tmp_path / "a.dcm", bits=12)
    header = dicom.read_dicom_header(path)
    assert (header.width, header.height) == RAMP.shape[::-1]
    assert (header.mode, header.format) == ("MONOCHROME2 12", "Explicit VR Little Endian")


def without_header(content):
    return content[132:]


def bare(content):
    """The data set alone, which begins with the class of the image."""
    return content[content.index(b"\x08\x00\x16\x00") :]


def without_syntax(content):
    """The header has it, with its value's length, in an element that its own length counts."""
    element = b"\x02\x00\x10\x00UI"
    start = content.index(element)
    length = 8 + int.from_bytes(content[start + 6 : start + 8], "little")
    counted = int.from_bytes(content[140:144], "little") - length
    shorter = content[:start] + content[start + length :]
    return shorter[:140] + counted.to_bytes(4, "little") + shorter[144:]


SYNTAXES = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian)
HEADERS = {
    **{f"no header, {syntax.name}": (syntax, bare) for syntax in SYNTAXES[:2]},
    **{f"no preamble, {syntax.name}": (syntax, without_header) for syntax in SYNTAXES},
    **{f"no transfer syntax, {syntax.name}": (syntax, without_syntax) for syntax in SYNTAXES},
}


@pytest.mark.parametrize("suffix", [".dcm", ".DICOM"])
@pytest.mark.parametrize("case", HEADERS)
def test_without_header_or_transfer_syntax(case, suffix, tmp_path):
    syntax, change = HEADERS[case]
    path = write(tmp_path / f"a{suffix}", syntax=syntax)
    path.write_bytes(change(path.read_bytes()))
    pixels = np.asarray(images.read_image(path))
    np.testing.assert_array_equal(pixels.ravel(), np.arange(256))
    assert dicom.read_dicom_header(path)[:4] == (16, 16, "MONOCHROME2 12", syntax.name)


def test_what_only_begins_like_dicom(tmp_path):
    path = tmp_path / "a.dcm"
    path.write_bytes(b"\x08\x00\x16\x00UI\x02\x001\0" + bytes(1000))
    with pytest.raises(images.UnreadableError, match=r"without its header \(preamble\)"):
        images.read_image(path)


def test_packed_pixels_without_transfer_syntax(tmp_path):
    path = write(tmp_path / "a.dcm", bits=8, syntax=JPEGBaseline8Bit, data=encapsulate([jpeg()]))
    path.write_bytes(without_syntax(path.read_bytes()))
    with pytest.raises(images.UnreadableError, match="transfer syntax is missing or wrong"):
        images.read_image(path)


def test_by_suffix_or_mark(tmp_path):
    content = write(tmp_path / "a.dcm").read_bytes()
    png = b"\x89PNG\r\n\x1a\n".ljust(128, b"\0") + b"DICM"
    names = {
        "b.dicom": b"",
        "c.DCM": b"",
        "IM-0001-0001": content,
        "d.png": content,
        "e.img": content,
    }
    others = {"f": content[:130], "g.png": png, "h.dcm.png": b"", "i": b"DICM"}
    for name, start in (names | others).items():
        (tmp_path / name).write_bytes(start)
    assert [name for name in names | others if dicom.is_dicom(tmp_path / name)] == list(names)
    assert not dicom.is_dicom(tmp_path) and not dicom.is_dicom(tmp_path / "none")
    for name in ("IM-0001-0001", "d.png", "e.img"):
        assert len(np.unique(images.read_image(tmp_path / name))) == 256
