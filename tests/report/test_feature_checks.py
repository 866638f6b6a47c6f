"""What is said of checks that compare images by features."""

from jaxcovid.report.feature_checks import (
    FARTHEST,
    labels_content,
    out_of_place_content,
    sample_size_content,
)
from tests.report import planted

FOUND = planted.FOUND


def test_the_farthest_images_are_named():
    many = {
        **FOUND["out_of_place"],
        "found": [{"path": f"{n}.png", "times": 9 - n / 9} for n in range(50)],
    }
    (table,) = out_of_place_content(many)["tables"]
    assert table["rows"][0] == ["0.png", "9.00"] and len(table["rows"]) == FARTHEST
    assert out_of_place_content({**many, "found": []})["tables"] == []


def test_doubtful_labels_have_pictures_as_far_as_there_are_any():
    audit = planted.audit(FOUND)._replace(doubted=[object()])
    content = labels_content(FOUND["labels"], audit)
    assert [name for name, _ in content["singles"]] == ["doubted_0"]
    assert content["singles"][0][1].startswith("a/0<b>.png: labelled ")
    assert len(content["tables"][0]["rows"]) == 2
    assert content["sentences"][0].startswith("2 of 400 labels are doubtful")
    one = {**FOUND["labels"], "found": FOUND["labels"]["found"][:1]}
    assert labels_content(one, audit)["sentences"][0].startswith("1 of 400 labels is doubtful")


def test_a_learning_curve_is_read_with_care():
    check = FOUND["sample_size"]
    content = sample_size_content(check)
    text = " ".join(content["sentences"])
    assert text.startswith("Twice the training patients would bring +0.030 of macro AUROC")
    assert "trained anew for 5 epochs, so with fewer steps the smaller it is, and measured" in text
    assert "Four times: +0.050 (+0.010 to +0.090)." in text
    assert "it then expects 0.710 of it, and 0.700 was measured." in text
    assert content["charts"] == ["learning_curve"]
    assert [table["title"] for table in content["tables"]] == [
        "Learning curve",
        "Patients of a test set",
    ]
    of_folds = {**check["curve"], "measured": "out_of_fold"}
    text = str(sample_size_content({**check, "curve": of_folds}))
    assert "measured on the images that its fold, one of 2, leaves out." in text
    assert "Means over folds" in text
    doubtful = {**check, "curve": {**check["curve"], "doubt": "it is flat"}}
    text = " ".join(sample_size_content(doubtful)["sentences"])
    assert "but it is flat." in text and "Four times" not in text


def test_without_a_learning_curve_the_test_set_is_spoken_of():
    check = {name: value for name, value in FOUND["sample_size"].items() if name != "curve"}
    content = sample_size_content(check)
    assert len(content["sentences"]) == 1 and "charts" not in content
    (table,) = content["tables"]
    assert table["rows"][0][-2:] == ["366", "1,435"]
    assert table["rows"][1][-2:] == ["—", "—"]
