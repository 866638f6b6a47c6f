"""What the pixels of DICOM files become, by what the files say of them."""

import io

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
)

from jaxcovid.data import images
from tests.data.dicom_files import RAMP, table, write


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

PADDED = np.where(np.arange(256).reshape(16, 16) < 16, 65535, RAMP)
UNPADDED = np.where(EVEN < 16, 0, np.rint(255 * (EVEN - 16) / 239))

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
    "lookup table of 10 bits": ({"VOILUTSequence": table(0, np.arange(4096) // 4, 10)}, np.rint(255 * (STEPS // 4) / 1023)),
    "modality table of 12 bits": ({"ModalityLUTSequence": table(0, np.arange(4096)[::-1], 12)}, EVEN[::-1]),
    "lookup table after a fraction": ({"RescaleSlope": 0.5, "RescaleIntercept": 0.25, "VOILUTSequence": table(0, np.arange(2048))}, np.rint(255 * (STEPS // 2) / 2047)),
    "table whose first value is negative, as unsigned": ({"pixels": RAMP - 2048, "VOILUTSequence": table(63488, np.arange(4096))}, np.rint(255 * STEPS / 4095)),
    "window in small letters": ({"WindowCenter": 1024, "WindowWidth": 512, "VOILUTFunction": pydicom.DataElement("VOILUTFunction", "CS", "linear ", validation_mode=0)}, window(1024, 512)),
    "window beside a negative slope": ({"RescaleSlope": -1, "WindowCenter": -1024, "WindowWidth": 512}, window(-1024, 512, 0, -16)),
    "intercept alone": ({"RescaleIntercept": -1024, "WindowCenter": 0, "WindowWidth": 512}, window(0, 512, -1024)),
    # The first row of these is padding, if nothing else is said.
    "padding": ({"pixels": PADDED, "bits": 16, "PixelPaddingValue": 65535}, UNPADDED),
    "padding below": ({"pixels": np.where(PADDED == 65535, 0, RAMP + 1000), "bits": 16, "PixelPaddingValue": 0}, UNPADDED),
    "padding, signed": ({"pixels": np.where(PADDED == 65535, -2000, RAMP), "bits": 16, "PixelPaddingValue": -2000}, UNPADDED),
    "padding, signed, as unsigned": ({"pixels": np.where(PADDED == 65535, -2000, RAMP), "bits": 16, "PixelPaddingValue": pydicom.DataElement("PixelPaddingValue", "US", 63536)}, UNPADDED),
    "padding, signed, implicit": ({"pixels": np.where(PADDED == 65535, -2000, RAMP), "bits": 16, "PixelPaddingValue": -2000, "syntax": ImplicitVRLittleEndian}, UNPADDED),
    "padding, big endian": ({"pixels": PADDED, "bits": 16, "PixelPaddingValue": 65535, "syntax": ExplicitVRBigEndian}, UNPADDED),
    "padding in MONOCHROME1": ({"pixels": PADDED, "bits": 16, "PixelPaddingValue": 65535, "PhotometricInterpretation": "MONOCHROME1"}, np.where(EVEN < 16, 0, 255 - UNPADDED)),
    "padding within a window": ({"pixels": np.where(PADDED == 65535, 1100, RAMP), "PixelPaddingValue": 1100, "WindowCenter": 1024, "WindowWidth": 512}, np.where(EVEN < 16, 0, window(1024, 512))),
    "padding in 8 bits": ({"pixels": np.where(PADDED == 65535, 255, RAMP // 16), "bits": 8, "PixelPaddingValue": 255}, np.where((EVEN < 16) | (EVEN == 255), 0, EVEN)),
    "padding in bits that are not used": ({"pixels": np.where(PADDED == 65535, 65535, RAMP), "bits": 12, "PixelPaddingValue": 65535}, UNPADDED),
    "padding that no pixel has": ({"PixelPaddingValue": 65535}, EVEN),
    "range of padding": ({"pixels": np.where(PADDED == 65535, 5000 + RAMP, RAMP), "bits": 16, "PixelPaddingValue": 6000, "PixelPaddingRangeLimit": 5000}, UNPADDED),
    "range of padding, upwards": ({"pixels": np.where(PADDED == 65535, RAMP - 1500, RAMP), "bits": 16, "PixelPaddingValue": -1500, "PixelPaddingRangeLimit": -1000}, UNPADDED),
    "high bits": ({"pixels": RAMP * 16 + 9, "HighBit": 15}, EVEN),
    "high bits, signed": ({"pixels": (RAMP - 2048) * 16, "HighBit": 15}, EVEN),
    "bits in the middle": ({"pixels": RAMP * 4 + 0x4000 * (RAMP % 3) + 3, "HighBit": 13}, EVEN),
    "no high bit": ({"HighBit": None}, EVEN),
    "high bits, RLE": ({"pixels": RAMP * 16 + 9, "HighBit": 15, "syntax": RLELossless}, EVEN),
    "overlay above, RLE": ({"pixels": RAMP + 0x1000 * (RAMP % 5), "syntax": RLELossless}, EVEN),
    "INVERSE, which MONOCHROME1 means already": ({"PhotometricInterpretation": "MONOCHROME1", "PresentationLUTShape": "INVERSE"}, EVEN[::-1]),
    "IDENTITY": ({"PresentationLUTShape": "IDENTITY"}, EVEN),
    "square pixels": ({"PixelAspectRatio": [1, 1], "PixelSpacing": [0.143, 0.1431], "ImagerPixelSpacing": ""}, EVEN),
    "one frame": ({"NumberOfFrames": 1}, EVEN),
    "frames not said": ({"NumberOfFrames": None}, EVEN),
    "no frames": ({"NumberOfFrames": 0}, EVEN),
}  # fmt: skip


@pytest.mark.parametrize("case", PICTURES)
def test_what_the_window_shows(case, tmp_path):
    arguments, expected = PICTURES[case]
    if arguments.get("syntax") == RLELossless:
        packed_later = {**arguments, "syntax": ExplicitVRLittleEndian}
        dataset = pydicom.dcmread(write(tmp_path / "image.dcm", **packed_later))
        dataset.compress(RLELossless)
        dataset.save_as(tmp_path / "image.dcm")
    else:
        write(tmp_path / "image.dcm", **arguments)
    image = images.read_image(tmp_path / "image.dcm")
    assert image.mode == "L" and image.size == (16, 16)
    np.testing.assert_array_equal(np.asarray(image).ravel(), expected)


def test_a_constant_image(tmp_path):
    assert not np.asarray(images.read_image(write(tmp_path / "x.DCM", RAMP * 0 + 7))).any()


REFUSED = {
    "slope 0": ({"RescaleSlope": 0, "RescaleIntercept": 0}, "RescaleSlope is 0, which makes all pixels equal"),
    "endless slope": ({"RescaleSlope": "1e308", "RescaleIntercept": 0}, "beyond all numbers"),
    "nothing but padding": ({"pixels": RAMP * 0 + 7, "PixelPaddingValue": 7}, "all its pixels are padding"),
    "a limit of padding without its value": ({"PixelPaddingRangeLimit": 7}, "PixelPaddingRangeLimit is without a PixelPaddingValue"),
    "more bits stored than there are": ({"BitsStored": 17, "HighBit": 16}, "bits 0 to 16 of 16"),
    "no bits stored": ({"BitsStored": 0, "HighBit": 0}, "BitsStored 0"),
    "more bits than up to the highest": ({"HighBit": 7}, r"BitsStored 12, HighBit 7, BitsAllocated 16"),
    "a sign of another kind": ({"PixelRepresentation": 2}, "PixelRepresentation is 2"),
    "a center alone": ({"WindowCenter": 9}, "only one of WindowCenter and WindowWidth"),
    "window without width": ({"WindowCenter": 9, "WindowWidth": 0}, "window is 0 wide"),
    "unknown window": ({"WindowCenter": 9, "WindowWidth": 9, "VOILUTFunction": "CUBIC"}, "unknown form CUBIC"),
    "short lookup table": ({"VOILUTSequence": table(0, range(4096), words=bytes(100))}, "50 entries instead of 4096"),
    "no lookup table": ({"VOILUTSequence": pydicom.Sequence([pydicom.Dataset()])}, "lacks its LUTDescriptor"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refused_with_a_reason(case, tmp_path):
    arguments, reason = REFUSED[case]
    path = write(tmp_path / "image.dcm", **arguments)
    with pytest.raises(images.UnreadableError, match=reason):
        images.read_image(path)


def in_jpeg_2000(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint16)).save(buffer, "JPEG2000", irreversible=False)
    return {"syntax": JPEG2000Lossless, "data": encapsulate([buffer.getvalue()])}


def test_jpeg_2000(tmp_path):
    path = write(tmp_path / "a.dcm", bits=16, **in_jpeg_2000(RAMP * 16))
    np.testing.assert_array_equal(np.asarray(images.read_image(path)).ravel(), EVEN)
    # Of 16 bits inside, whose values fit the 12 that are said, or do not.
    path = write(tmp_path / "b.dcm", **in_jpeg_2000(RAMP))
    np.testing.assert_array_equal(np.asarray(images.read_image(path)).ravel(), EVEN)
    path = write(tmp_path / "c.dcm", **in_jpeg_2000(RAMP * 2))
    with pytest.raises(
        images.UnreadableError, match="take more than the 12 bits of its BitsStored"
    ):
        images.read_image(path)
    path = write(tmp_path / "d.dcm", HighBit=15, **in_jpeg_2000(RAMP))
    with pytest.raises(images.UnreadableError, match="cannot be bits 4 to 15 of 16"):
        images.read_image(path)
