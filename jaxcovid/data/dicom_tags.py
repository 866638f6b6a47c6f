"""What DICOM files say of their images besides pixels: whose they are, view, maker and year."""

import hashlib
import hmac
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from jaxcovid.data import bids
from jaxcovid.data.dataset import Row
from jaxcovid.data.dicom import is_dicom, read_attributes
from jaxcovid.data.disk import Progress
from jaxcovid.data.layout import Listed, names_of
from jaxcovid.data.patient_rows import joined_row
from weights_convert.printable import printable

# All of a patient that is read. The last tells a file from every other: it makes the key, and
# nothing else.
TAGS = ("PatientID", "ViewPosition", "Manufacturer", "StudyDate", "SOPInstanceUID")

# Files that are not opened to see whether they are DICOM: they would take seconds.
PICTURES = (".png", ".jpg", ".jpeg")

_Tags = Mapping[str, str]


def with_tags(listed: Listed, progress: Progress) -> Listed:
    """What is listed, with what the tags of its DICOM files say where nothing else does.

    Or those in a .json beside an image, as BIDS has them.
    """
    names = names_of(listed.layout, listed.folder)
    files = dict(zip(names, (file.path for file in listed.layout.files), strict=True))
    paths = {
        name: path
        for name, path in files.items()
        if not name.lower().endswith(PICTURES) and is_dicom(path)
    }
    beside = {name: bids.tags_beside(path) for name, path in files.items() if bids.is_bids(path)}
    if not paths and not any(beside.values()):
        return listed
    with ThreadPoolExecutor() as pool:
        read = progress(pool.map(_read, paths.values()), "Reading tags of DICOM files", len(paths))
        tags = dict(zip(paths, read, strict=True))
    rows, note = rows_of_tags(tags)
    of_others = {
        name: {**dict.fromkeys(TAGS, ""), **of_image}
        for name, of_image in beside.items()
        if of_image
    }
    rows_beside, note_beside = rows_of_tags(of_others, ".json file(s) beside images")
    rows |= rows_beside
    told = (note, note_beside, *bids.inversion_notes(beside))
    notes = (*listed.notes, *filter(None, told))
    if listed.rows is None:
        return listed._replace(tags=rows, notes=notes)
    known = {**dict.fromkeys(rows), **listed.rows}
    joined = {path: joined_row(row, rows.get(path)) for path, row in known.items()}
    return listed._replace(rows={path: row for path, row in joined.items() if row}, notes=notes)


def rows_of_tags(
    tags: Mapping[str, _Tags], what: str = "DICOM file(s)"
) -> tuple[dict[str, Row], str]:
    """What tags say of images, by path, and a sentence on that; `what` holds them.

    A patient is a digest of PatientID, with a key that only those have who have all of the files.
    """
    people = {of_file["PatientID"] for of_file in tags.values()}
    # One name for all is what some programs put in its place.
    one_for_all = len(people) == 1 < len(tags) and people != {""}
    identities = sorted(
        f"{of_file['SOPInstanceUID']}\0{of_file['PatientID']}" for of_file in tags.values()
    )
    key = hashlib.blake2b("\n".join(identities).encode()).digest()

    def row(of_file: _Tags) -> Row:
        further = {
            "view": of_file["ViewPosition"],
            "manufacturer": of_file["Manufacturer"],
            "year": year if (year := of_file["StudyDate"][:4]).isdecimal() else "",
        }
        person = "" if one_for_all else of_file["PatientID"]
        digest = hmac.new(key, person.encode(), "blake2b").hexdigest()[:16] if person else ""
        return Row(digest, {name: value for name, value in further.items() if value})

    rows = {path: row(of_file) for path, of_file in tags.items()}
    told = {"patients": any(row.patient for row in rows.values())}
    for name in ("view", "manufacturer", "year"):
        told[name] = any(name in row.further for row in rows.values())
    names = [name for name, is_told in told.items() if is_told]
    read = f"read from the tags of {len(tags)} {what}: {', '.join(names)}"
    sentences = [read] * bool(names)
    if one_for_all:
        sentences.append(f"all {len(tags)} DICOM files have one PatientID, which then names no one")
    return rows, "; ".join(sentences)


def _read(path: Path) -> _Tags:
    """The tags as text, empty where a file lacks them or cannot be read: decoding will tell."""
    try:
        dataset = read_attributes(path, TAGS)
        values = {name: dataset.get(name) for name in TAGS}
    except Exception:  # pydicom raises anything at broken files
        return dict.fromkeys(TAGS, "")
    return {
        name: "" if value is None else printable(" ".join(str(value).split("\0")).strip())
        for name, value in values.items()
    }
