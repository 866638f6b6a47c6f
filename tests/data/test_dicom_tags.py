import numpy as np
import pytest

from jaxcovid.config import TableSettings
from jaxcovid.data.dataset import Row
from jaxcovid.data.dicom_tags import rows_of_tags
from jaxcovid.data.patients import with_patients
from jaxcovid.data.sources import load_dataset, load_evaluation_split
from tests.data.dicom_files import write

OF_A_PATIENT = {
    "PatientName": "Prominent^Patricia", "PatientBirthDate": "19510203",
    "PatientAddress": "Sesame Street 123", "InstitutionName": "Saint Elsewhere",
    "ReferringPhysicianName": "Quincy^Q", "AccessionNumber": "ACC4711",
    "StudyInstanceUID": "1.2.826.0.4711.1",
}  # fmt: skip


def tags(**values):
    names = ("PatientID", "ViewPosition", "Manufacturer", "StudyDate", "SOPInstanceUID")
    return {**dict.fromkeys(names, ""), **values}


def test_tags_are_patient_view_maker_and_year():
    rows, note = rows_of_tags(
        {
            "a.dcm": tags(PatientID="p1", ViewPosition="PA", StudyDate="20200315"),
            "b.dcm": tags(PatientID="p1", Manufacturer="Agfa"),
            "c.dcm": tags(PatientID="p2"),
            "d.dcm": tags(),
        }
    )
    assert rows["a.dcm"].further == {"view": "PA", "year": "2020"}
    assert rows["b.dcm"].further == {"manufacturer": "Agfa"}
    assert rows["a.dcm"].patient == rows["b.dcm"].patient != rows["c.dcm"].patient
    assert rows["d.dcm"] == Row("", {})
    assert "p1" not in str(rows) and len(rows["a.dcm"].patient) == 16
    assert note == "read from the tags of 4 DICOM file(s): patients, view, manufacturer, year"


def test_digests_cannot_be_made_without_all_files():
    """So no one who knows names of patients can look for them in what is written."""
    one = {"a.dcm": tags(PatientID="p1", SOPInstanceUID="1.2.3"), "b.dcm": tags(PatientID="p2")}
    other = {**one, "a.dcm": tags(PatientID="p1", SOPInstanceUID="1.2.4")}
    (first, _), (again, _), (second, _) = map(rows_of_tags, (one, one, other))
    assert first == again
    assert first["b.dcm"].patient != second["b.dcm"].patient


def test_one_name_for_all_names_no_patient():
    rows, note = rows_of_tags({name: tags(PatientID="ANON") for name in "ab"})
    assert not any(row.patient for row in rows.values())
    assert note == "all 2 DICOM files have one PatientID, which then names no one"
    assert rows_of_tags({"a": tags(PatientID="p1")})[0]["a"].patient


def save_dicom(folder, count=6):
    """Two images of each patient, whose number and everything else is in the files alone."""
    random = np.random.default_rng(0)
    for label in ("ill", "well"):
        (folder / label).mkdir(parents=True)
        for index in range(count):
            pixels = random.integers(0, 4096, (30, 30))
            write(
                folder / label / f"{index}.dcm", pixels, PatientID=f"{label}-88412290-{index // 2}",
                ViewPosition="PA" if index % 2 else "AP", Manufacturer="Agfa",
                StudyDate="20200315", **OF_A_PATIENT,
            )  # fmt: skip
    return folder


def test_patients_of_dicom_files_stay_together(tmp_path):
    folder = save_dicom(tmp_path / "xrays")
    dataset = with_patients(load_dataset(str(folder), tmp_path / "cache"), None)
    assert any("tags of 12 DICOM" in note for note in dataset.notes)
    for names in dataset.patient_names.values():
        assert None not in names
    splits = [{*names} for names in dataset.patient_names.values()]
    assert sum(map(len, splits)) == len(set.union(*splits)) == 6
    assert {*dataset.columns["train"]} == {"view", "manufacturer", "year"}


def test_tags_are_read_for_an_evaluation_too(tmp_path):
    folder = save_dicom(tmp_path / "xrays")
    dataset = load_evaluation_split(folder, "test", ("ill", "well"), tmp_path / "cache")
    dataset = with_patients(dataset, None)
    assert len({*dataset.patient_names["test"]}) == 6
    assert dataset.columns["test"]["view"][:2] == ("AP", "PA")


@pytest.mark.parametrize("with_table", [False, True])
def test_what_a_table_says_goes_before_tags(tmp_path, with_table):
    folder = save_dicom(tmp_path / "xrays")
    rows = [f"{label}/{index}.dcm,{label},me-{label}{index},Lateral" for label in ("ill", "well")
            for index in range(6)]  # fmt: skip
    table = tmp_path / "table.csv"
    header = "file,class,patient,view" if with_table else "file,class,nothing,more"
    table.write_text("\n".join([header, *rows]))
    dataset = load_dataset(str(table), tmp_path / "cache", table=TableSettings(images=folder))
    row = dataset.rows["ill/0.dcm"]
    assert row.further["view"] == ("Lateral" if with_table else "AP")
    assert (row.patient == "me-ill0") == with_table
    assert row.further["manufacturer"] == "Agfa"
