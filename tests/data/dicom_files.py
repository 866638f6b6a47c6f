"""DICOM files made for tests."""

import numpy as np
import pydicom
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian

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
        if isinstance(value, pydicom.DataElement):
            dataset.add(value)
        elif value is not None:
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


def write_texts(path, texts, **arguments):
    """A DICOM file whose attributes of the type DS or IS hold these texts, whatever they say."""
    places = {keyword: str(10**11 + number) for number, keyword in enumerate(texts)}
    content = write(path, **places, **arguments).read_bytes()
    for keyword, place in places.items():
        content = content.replace(place.encode(), texts[keyword].encode("latin-1").ljust(12))
    path.write_bytes(content)
    return path
