"""Folders that are no classes are asked about, with what to give instead."""

from pathlib import Path

import pytest

from jaxcovid.data.layout import scan, scan_all
from jaxcovid.errors import InputError
from tests.data.image_files import write_pictures

PATIENTS = [f"train/patient0000{n}/study1/v.png" for n in range(3)]

CASES = {  # files, a table beside them, what is said
    "two sets": (("One/One/Train/a/1.png", "Two/Train/a/1.png"), None, ["One holds splits itself (One/Train/), so it is no class", "Two holds splits itself (Train/)"]),
    "all images in one folder": (("images/1.png", "annotations/masks/2.png"), "metadata.csv", ["annotations and images tell(s) no class; give the table that says the classes as `data`, such as metadata.csv"]),
    "patients": (PATIENTS, None, ["3 folder(s) are of patients, not of classes, such as patient00000; give the table"]),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_is_asked(case, tmp_path):
    names, table, expected = CASES[case]
    write_pictures(tmp_path, *names)
    if table:
        (tmp_path / table).write_text("file,class\n")
    with pytest.raises(InputError) as error:
        (scan if case == "patients" else scan_all)(tmp_path)
    for part in expected:
        assert part in str(error.value)


def test_the_table_of_patients_may_lie_beside_the_splits(tmp_path):
    write_pictures(tmp_path, *PATIENTS)
    (tmp_path / "train.csv").write_text("Path\n")
    with pytest.raises(InputError, match=r"as `data`, such as train.csv"):
        scan(tmp_path)


def test_classes_may_have_such_names_among_others(tmp_path):
    names = [f"{label}/{n}.png" for label in ("images", "normal") for n in range(2)]
    assert scan_all(write_pictures(tmp_path, *names)).classes == ("images", "normal")


def test_a_class_named_as_masks_are_is_asked_about(tmp_path):
    names = [f"{label}/{n}.png" for label in ("mask", "normal", "covid") for n in range(2)]
    with pytest.raises(InputError, match=r"mask: named as masks are.* if it is a class, rename it"):
        scan_all(write_pictures(tmp_path, *names))


def test_the_folder_around_may_be_closed(tmp_path, monkeypatch):
    folder = write_pictures(
        tmp_path / "closed" / "train", *(name.removeprefix("train/") for name in PATIENTS)
    )
    listed = Path.iterdir

    def iterdir(path):
        if path == tmp_path / "closed":
            raise PermissionError(13, "Permission denied")
        return listed(path)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    with pytest.raises(InputError, match=r"give the table that says the classes as `data`"):
        scan_all(folder)
