import pytest

from jaxcovid.config import TableSettings
from jaxcovid.data.table import read_listed
from jaxcovid.errors import InputError
from tests.data.image_files import write_pictures

# As BIMCV has them: labels of sessions, views in the names of files.
NAMES = (
    "s1/e1/s1_vp-pa_1.png", "s1/e1/s1_vp-ll_1.png", "s2/e2/s2_vp-ap_1.png", "s2/e3/s2_vp-pa_1.png",
)  # fmt: skip
TABLE = "session,label,more\ne1,ill\ne2,well,x\ne3,ill,y\ne4,well,z\n"


def listed(tmp_path, **settings):
    folder = write_pictures(tmp_path / "images", *NAMES)
    table = tmp_path / "labels.csv"
    table.write_text(TABLE)
    return read_listed(table, TableSettings(images=folder, **settings))


def names(found):
    return list(found.rows or {})


def test_a_part_of_the_path_is_a_column(tmp_path):
    found = listed(
        tmp_path, columns=("file=session", r"view=path:vp-(\w+?)_", "patient=path:^[^/]+")
    )
    assert {path: row.further["view"] for path, row in (found.rows or {}).items()} == {
        NAMES[0]: "pa", NAMES[1]: "ll", NAMES[2]: "ap", NAMES[3]: "pa",
    }  # fmt: skip
    assert {row.patient for row in (found.rows or {}).values()} == {"s1", "s2"}
    assert any("1 row" in note and "e4" in note for note in found.notes), found.notes


def test_rows_are_selected_by_the_path_of_each_image(tmp_path):
    found = listed(
        tmp_path, columns=("file=session",), select_rows='not path.str.contains("vp-ll")'
    )
    assert sorted(names(found)) == sorted(name for name in NAMES if "vp-ll" not in name)
    assert "1 row(s) left out by select_rows" in found.notes


def test_a_column_of_that_name_stays_what_it_is(tmp_path):
    folder = write_pictures(tmp_path / "images", *NAMES)
    table = tmp_path / "labels.csv"
    table.write_text(
        "\n".join(["path,label", *(f"{name},{number}" for number, name in enumerate(NAMES))])
    )
    found = read_listed(
        table, TableSettings(images=folder, select_rows='path.str.contains("vp-pa")')
    )
    assert len(found.rows or {}) == 2


def test_the_file_of_a_row_must_be_known_without(tmp_path):
    with pytest.raises(InputError, match="no column says the file"):
        listed(tmp_path, columns=(r"view=path:vp-(\w+?)_",))
