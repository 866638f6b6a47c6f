"""Of a patient nothing is written but a digest, whatever a DICOM file says."""

import csv

import pytest

from tests.cli.commands import call
from tests.data.test_dicom_tags import OF_A_PATIENT, save_dicom

SECRETS = ("88412290", *OF_A_PATIENT.values())


@pytest.mark.system
@pytest.mark.usefixtures("undrawn")
def test_nothing_of_a_patient_is_written(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("JAXCOVID_CACHE", str(tmp_path / "cache"))
    folder, run = save_dicom(tmp_path / "xrays"), tmp_path / "run"
    small = ("--weights", "none", "--epochs", "1", "--views", "1", "--head", "4")
    assert call("train", "--data", folder, *small, "--output", run) == 0
    assert call("evaluate", run, "--data", folder, "--output", tmp_path / "elsewhere") == 0
    assert call("predict", run, folder, "--csv", tmp_path / "answers.csv") == 0
    assert call("audit", run, "--data", folder, "--output", tmp_path / "audit") in (0, 1)

    for name in ("split.csv", "predictions.csv"):
        with (run / name).open() as file:
            patients = {row["patient"] for row in csv.DictReader(file)}
        assert len(patients) == 6 and all(len(patient) == 16 for patient in patients), name
    written = [path for path in tmp_path.rglob("*") if folder not in path.parents]
    contents = {path: path.read_bytes() for path in written if path.is_file()}
    assert len(contents) > 40
    contents["terminal"] = "".join(capfd.readouterr()).encode()
    told = [
        f"{secret} in {path}"
        for path, content in contents.items()
        for secret in SECRETS
        if secret.encode() in content
    ]
    assert not told
