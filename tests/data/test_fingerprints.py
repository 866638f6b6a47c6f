from jaxcovid.data.fingerprints import copies, fingerprint
from jaxcovid.data.layout import scan
from tests.data.test_layout import GOOD, make


def test_fingerprint_follows_names_and_contents(tmp_path):
    def digest(folder):
        return fingerprint(scan(folder), folder)[0]

    one = make(tmp_path / "one", *GOOD)
    same = make(tmp_path / "same", *GOOD)
    assert digest(one) == digest(same)
    (same / GOOD[0]).write_text("changed")
    assert digest(one) != digest(same)
    renamed = make(tmp_path / "renamed", *GOOD)
    (renamed / GOOD[0]).rename(renamed / "train/a/9.png")
    assert digest(one) != digest(renamed)


def test_copies_are_found(tmp_path):
    make(tmp_path, *GOOD)
    (tmp_path / GOOD[2]).write_text(GOOD[0])
    _, layout = fingerprint(scan(tmp_path), tmp_path)
    assert copies(layout, tmp_path) == (("train/a/1.png", "validation/a/3.jpeg"),)
