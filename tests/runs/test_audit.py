"""What audits keep, load and say, without a network."""

import numpy as np
import pytest

from jaxcovid.errors import InputError
from jaxcovid.inference.inference_model import InferenceModel
from jaxcovid.results import FLOORS, Audit
from jaxcovid.runs import audit
from tests.audits.made_up import dataset, noise, split, xray
from tests.small_runs import noise_folder


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("JAXCOVID_CACHE", str(tmp_path / "cache"))


def made(fingerprint="f", labels=None, pictures=None):
    labels = np.arange(12) % 2 if labels is None else labels
    splits = {"images": split("images", pictures or noise(labels), labels)}
    return dataset(splits, classes=("a", "b"))._replace(fingerprint=fingerprint)


def test_checks_of_data_and_their_pictures():
    pictures = [*noise(range(10)), xray(1), xray(1)]
    result = audit.audit_data(made(pictures=pictures), audit.OF_DATA)
    assert set(result.checks) == {"duplicates", "patients", "blocks", "sources", "blind_floor"}
    assert all(check["passed"] in (True, False, None) for check in result.checks.values())
    assert all(isinstance(check["found"], list) for check in result.checks.values())
    assert set(FLOORS) <= set(result.checks["blind_floor"])
    ((one, other),) = result.pictures
    np.testing.assert_array_equal(one, other)
    assert one.shape == (224, 224, 1)


def test_what_takes_long_is_kept(monkeypatch):
    first = audit.audit_data(made(), audit.OF_DATA)

    def again(*_):
        pytest.fail("computed anew")

    monkeypatch.setattr(audit.duplicates, "alike", again)
    monkeypatch.setattr(audit.blind_floor, "floor_predictions", again)
    second = audit.audit_data(made(), audit.OF_DATA)
    assert second.checks == first.checks


def test_a_floor_that_cannot_be_made_is_not_called_damaged(capfd):
    of_one_class = made(labels=np.zeros(12, int))
    results = [audit.audit_data(of_one_class, ["border"]) for _ in range(2)]
    assert results[0].checks == results[1].checks
    assert results[0].checks["blind_floor"]["passed"] is None
    assert "damaged" not in capfd.readouterr().out


OTHERS = {
    "images": lambda: made(fingerprint="g"),
    "labels": lambda: made(labels=np.arange(12) // 6),
    "patients": lambda: made()._replace(patients={"images": np.arange(12) // 2}),
}


@pytest.mark.parametrize("case", OTHERS)
def test_what_is_kept_is_of_the_same_data(case, monkeypatch):
    audit.audit_data(made(), ["border"])
    calls = []
    original = audit.blind_floor.floor_predictions

    def counted(*arguments):
        calls.append(arguments)
        return original(*arguments)

    monkeypatch.setattr(audit.blind_floor, "floor_predictions", counted)
    audit.audit_data(OTHERS[case](), ["border"])
    assert len(calls) == 1


def network(classes=("covid", "normal"), merge=()):
    values = dict.fromkeys(InferenceModel._fields) | InferenceModel._field_defaults
    return InferenceModel(**{**values, "name": "runs/one", "classes": classes, "merge": merge})


def test_a_folder_is_labelled_as_the_network_knows_it(tmp_path):
    folder = noise_folder(tmp_path / "xrays", 2, 2)
    plain = audit.load_audit_data(folder, None, (), False)
    assert plain.classes == ("covid", "normal") and set(plain.splits) == {"train", "validation"}
    turned = audit.load_audit_data(folder, network(("normal", "covid")), (), False)
    assert turned.splits["train"].labels.tolist() == (1 - plain.splits["train"].labels).tolist()
    with pytest.raises(
        InputError, match="class 'covid' is unknown to runs/one, which knows flu, normal"
    ):
        audit.load_audit_data(folder, network(("flu", "normal")), (), False)
    several = network(("covid", "normal"))._replace(independent=True)
    with pytest.raises(InputError, match="several findings of each image; audit the data alone"):
        audit.load_audit_data(folder, several, (), False)


PASSED = {
    "all": ([True, True], True),
    "one failed": ([True, False], False),
    "one not made": ([True, None], True),
    "none made": ([None], True),
}


@pytest.mark.parametrize("case", PASSED)
def test_passed(case):
    states, expected = PASSED[case]
    result = Audit(
        {str(place): {"passed": state, "found": []} for place, state in enumerate(states)}
    )
    assert audit.passed(result) is expected
    record = audit.audit_record(result, {"data": "x"})
    assert record["passed"] is expected and record["data"] == "x" and record["0"]["found"] == []
