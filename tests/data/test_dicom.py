"""DICOM files made here: what their pixels become, and which are refused."""

import io
import sys
import warnings

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import FileMetaDataset
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
    RLELossless,
)

from jaxcovid.data import dicom, images, readable
from jaxcovid.data.headers import read_header
from jaxcovid.errors import InputError
from tests.conftest import picture
from tests.data.image_files import load_folder

RAMP = np.arange(0, 4096, 16).reshape(16, 16)  # 12 bits


def write(path, pixels=RAMP, bits=12, syntax=ExplicitVRLittleEndian, data=None, **attributes):
    """A DICOM file of these stored values; attributes given as None are left out."""
    allocated = 8 if bits <= 8 else 16
    kind = f"{'>' if syntax == ExplicitVRBigEndian else '<'}i{allocated // 8}"
    dataset = pydicom.Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = UID(
        "1.2.840.10008.5.1.4.1.1.1"
    )
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = UID("1.2.3")
    content = {
        "PatientName": "Nobody^At all",
        "Rows": pixels.shape[0],
        "Columns": pixels.shape[1],
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": allocated,
        "BitsStored": bits,
        "HighBit": bits - 1,
        "PixelRepresentation": int(pixels.min() < 0),
        "PixelData": pixels.astype(kind, casting="unsafe").tobytes() if data is None else data,
        **attributes,
    }
    for keyword, value in content.items():
        if value is not None:
            setattr(dataset, keyword, value)
    if syntax.is_compressed:
        dataset["PixelData"].VR = "OB"
    dataset.save_as(path, enforce_file_format=True)
    return path


def table(first, values, bits=16, words=None):
    """A lookup table for the values from `first` on."""
    item = pydicom.Dataset()
    item.add_new(0x00283002, "US" if first >= 0 else "SS", [len(values), first, bits])
    item.add_new(0x00283006, "OW", np.asarray(values, "<u2").tobytes() if words is None else words)
    return pydicom.Sequence([item])


def window(center, width, low=0, step=16):
    """The ramp through a LINEAR window, as PS3.3 C.11.2.1.2.1 has it, value by value."""

    def grey(value):
        if value <= center - 0.5 - (width - 1) / 2:
            return 0
        if value > center - 0.5 + (width - 1) / 2:
            return 255
        return ((value - (center - 0.5)) / (width - 1) + 0.5) * 255

    return np.rint([grey(low + step * i) for i in range(256)])


def packed(values):
    return np.asarray(values, np.uint8).tobytes()


EVEN = np.arange(256)
STEPS = np.arange(256) * 16

PICTURES = {
    "no window": ({}, EVEN),
    "MONOCHROME1": ({"PhotometricInterpretation": "MONOCHROME1"}, EVEN[::-1]),
    "implicit": ({"syntax": ImplicitVRLittleEndian}, EVEN),
    "big endian": ({"syntax": ExplicitVRBigEndian}, EVEN),
    "RLE": ({"syntax": RLELossless}, EVEN),
    "8 bits": ({"pixels": RAMP // 16, "bits": 8}, EVEN),
    "8 bits, not all of them used": ({"pixels": RAMP // 32 + 50, "bits": 8}, EVEN // 2 + 50),
    "16 bits": ({"pixels": RAMP * 16, "bits": 16}, EVEN),
    "signed": ({"pixels": RAMP - 2048}, EVEN),
    "signed 16 bits, to the ends": ({"pixels": np.linspace(-32768, 32767, 256).round().reshape(16, 16), "bits": 16}, EVEN),
    "overlay in the bits above": ({"pixels": RAMP + 0x1000 * (RAMP % 5)}, EVEN),
    "signed, with zeros in the bits above": ({"pixels": (RAMP - 2048) & 0xFFF, "PixelRepresentation": 1}, EVEN),
    "window": ({"WindowCenter": 1024, "WindowWidth": 512}, window(1024, 512)),
    "window in the negative": ({"pixels": RAMP - 2048, "WindowCenter": -500, "WindowWidth": 1000}, window(-500, 1000, -2048)),
    "window, first of two": ({"WindowCenter": [1024, 9], "WindowWidth": [512, 9]}, window(1024, 512)),
    "window of one step": ({"WindowCenter": 1024, "WindowWidth": 1}, np.where(STEPS < 1024, 0, 255)),
    "window in MONOCHROME1": ({"WindowCenter": 1024, "WindowWidth": 512, "PhotometricInterpretation": "MONOCHROME1"}, 255 - window(1024, 512)),
    "empty window": ({"WindowCenter": "", "WindowWidth": ""}, EVEN),
    "rescaled": ({"RescaleSlope": 2, "RescaleIntercept": -1000}, EVEN),
    "rescaled by a negative slope": ({"RescaleSlope": -2, "RescaleIntercept": 0}, EVEN[::-1]),
    "rescaled, then window": ({"RescaleSlope": 2, "RescaleIntercept": -1000, "WindowCenter": 0, "WindowWidth": 500}, window(0, 500, -1000, 32)),
    "LINEAR_EXACT": ({"WindowCenter": 2048, "WindowWidth": 4096, "VOILUTFunction": "LINEAR_EXACT"}, np.rint(255 * STEPS / 4096)),
    "SIGMOID": ({"WindowCenter": 2048, "WindowWidth": 1000, "VOILUTFunction": "SIGMOID"}, np.rint(255 / (1 + np.exp(-4 * (STEPS - 2048) / 1000)))),
    "lookup table": ({"VOILUTSequence": table(0, np.arange(4096)[::-1] * 8)}, np.rint(255 * (4095 - STEPS) / 4095)),
    "lookup table before window": ({"VOILUTSequence": table(0, np.arange(4096)), "WindowCenter": 9, "WindowWidth": 9}, np.rint(255 * STEPS / 4095)),
    "lookup table, implicit": ({"VOILUTSequence": table(0, np.arange(4096)), "syntax": ImplicitVRLittleEndian}, np.rint(255 * STEPS / 4095)),
    "lookup table of part": ({"VOILUTSequence": table(1024, [0, 100] + [200] * 62)}, np.where(STEPS <= 1024, 0, 255)),
    "lookup table, 8 bits in a word": ({"VOILUTSequence": table(0, range(4096), 8, packed(np.arange(4096) // 16))}, EVEN),
    "lookup table on negative values": ({"pixels": RAMP - 2048, "VOILUTSequence": table(-2048, np.arange(4096))}, np.rint(255 * STEPS / 4095)),
    "modality table": ({"ModalityLUTSequence": table(0, np.arange(4096)[::-1])}, EVEN[::-1]),
    "modality table, then window": ({"ModalityLUTSequence": table(0, np.arange(4096) + 1000), "WindowCenter": 2024, "WindowWidth": 512}, window(2024, 512, 1000)),
}  # fmt: skip


@pytest.mark.parametrize("case", PICTURES)
def test_what_the_window_shows(case, tmp_path):
    arguments, expected = PICTURES[case]
    if arguments.get("syntax") == RLELossless:
        dataset = pydicom.dcmread(write(tmp_path / "image.dcm"))
        dataset.compress(RLELossless)
        dataset.save_as(tmp_path / "image.dcm")
    else:
        write(tmp_path / "image.dcm", **arguments)
    image = images.read_image(tmp_path / "image.dcm")
    assert image.mode == "L" and image.size == (16, 16)
    np.testing.assert_array_equal(np.asarray(image).ravel(), expected)


def test_a_constant_image(tmp_path):
    assert not np.asarray(images.read_image(write(tmp_path / "x.DCM", RAMP * 0 + 7))).any()


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


DUMMY = encapsulate([b"\xff\xd8\xff\xd9"])

REFUSED = {
    "no pixels": ({"PixelData": None}, "holds no pixels"),
    "frames": ({"NumberOfFrames": 2}, "2 frames"),
    "colours": ({"PhotometricInterpretation": "RGB", "SamplesPerPixel": 3, "PlanarConfiguration": 0}, "colours are RGB"),
    "palette": ({"PhotometricInterpretation": "PALETTE COLOR"}, "colours are PALETTE COLOR"),
    "32 bits": ({"BitsAllocated": 32, "BitsStored": 32}, "take 32 bits"),
    "more bits stored than there are": ({"BitsStored": 17}, "broken or cut short"),
    "too few pixels": ({"data": bytes(100)}, "broken or cut short"),
    "no size": ({"Rows": None}, "lacks its Rows"),
    "large": ({"Rows": 9200, "Columns": 9200}, "more than 80,000,000 pixels"),
    "a strip": ({"pixels": RAMP.reshape(2, 128)}, "128 x 2 pixels show no X-ray"),
    "long": ({"pixels": np.zeros((8, 100))}, "100 x 8 pixels show no X-ray"),
    "no decoder": ({"syntax": JPEGLosslessSV1, "data": DUMMY}, "pip install pylibjpeg"),
    "a decoder that fails": ({"syntax": JPEGExtended12Bit, "data": DUMMY}, "pip install pylibjpeg"),
    "a film": ({"syntax": UID("1.2.840.10008.1.2.4.102"), "data": DUMMY}, "MPEG-4.*cannot be decoded"),
    "deflated": ({"syntax": DeflatedExplicitVRLittleEndian}, "deflated"),
    "window without width": ({"WindowCenter": 9, "WindowWidth": 0}, "window is 0 wide"),
    "unknown window": ({"WindowCenter": 9, "WindowWidth": 9, "VOILUTFunction": "CUBIC"}, "unknown form CUBIC"),
    "endless slope": ({"RescaleSlope": "1e308", "RescaleIntercept": 0}, "beyond all numbers"),
    "short lookup table": ({"VOILUTSequence": table(0, range(4096), words=bytes(100))}, "50 entries instead of 4096"),
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
    with pytest.raises(images.UnreadableError, match="the content is not DICOM"):
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
    monkeypatch.setattr(images, "read_image", None)
    assert load_folder(image_folder, tmp_path / "cache").fingerprint == first.fingerprint


def test_what_the_header_says(tmp_path):
    path = write(tmp_path / "a.dcm", bits=12)
    header = read_header(path)
    assert (header.width, header.height) == RAMP.shape[::-1]
    assert (header.mode, header.format) == ("MONOCHROME2 12", "Explicit VR Little Endian")
