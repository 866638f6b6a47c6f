"""Lists of files beside a table are its splits."""

import pytest

from jaxcovid.config import TableSettings
from jaxcovid.data.split_lists import lists_beside, splits_by_lists
from jaxcovid.data.table import read_listed
from jaxcovid.errors import InputError
from tests.data.image_files import write_pictures

NAMES = {
    "train_val_list.txt": "train", "Train_List.txt": "train", "test_list.txt": "test", "val-list.txt": "validation",
    "list.txt": None, "train.txt": None, "test_list.csv": None, "my_test_list.txt": None,
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_what_lists_are_called(name, tmp_path):
    (tmp_path / name).write_text("a.png\n")
    expected = {} if NAMES[name] is None else {NAMES[name]: tmp_path / name}
    assert lists_beside(tmp_path / "t.csv") == expected


@pytest.fixture
def folder(tmp_path):
    folder = write_pictures(tmp_path / "images", *(f"{n}.png" for n in range(5)))
    rows = [f"{n}.png,{'ab'[n % 2]}" for n in range(5)]
    (folder / "t.csv").write_text("\n".join(["file,label", *rows]))
    (folder / "train_val_list.txt").write_text("images/0.png\r\n1.png\n2.png\n\n")
    (folder / "test_list.txt").write_text("3.png\n9.png")
    return folder


def read(folder, **how):
    return read_listed(folder / "t.csv", TableSettings(), **how)


def test_a_table_has_the_splits_of_its_lists(folder):
    listed = read(folder)
    assert [(file.path.name, file.split) for file in listed.layout.files] == [
        ("0.png", "train"), ("2.png", "train"), ("1.png", "train"), ("3.png", "test"),
    ]  # fmt: skip
    assert "splits by test_list.txt (test), train_val_list.txt (train)" in listed.notes
    assert "1 row(s) in no list, left out (such as 4.png)" in listed.notes


def test_they_are_not_looked_at_where_splits_are_drawn_or_in_a_column(folder):
    assert {file.split for file in read(folder, with_splits=False).layout.files} == {"images"}
    (folder / "t.csv").write_text("file,label,split\n0.png,a,test\n1.png,b,test\n2.png,a,train")
    assert [file.split for file in read(folder).layout.files] == ["train", "test", "test"]


def test_a_file_in_two_lists_is_refused(folder):
    (folder / "test_list.txt").write_text("3.png\n2.png")
    with pytest.raises(InputError, match=r"2\.png is in test_list\.txt and train_val_list\.txt"):
        read(folder)


def test_two_lists_of_one_split_are_refused(folder):
    (folder / "train_list.txt").write_text("0.png")
    with pytest.raises(
        InputError, match=r"train_list\.txt and train_val_list\.txt both list train"
    ):
        read(folder)


def test_a_list_that_cannot_be_read_is_told(tmp_path):
    (tmp_path / "test_list.txt").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(InputError, match=r"test_list\.txt cannot be read"):
        splits_by_lists(["a"], lists_beside(tmp_path / "t.csv"))
