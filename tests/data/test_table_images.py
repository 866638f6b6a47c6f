"""Which file a row means."""

import pytest

from jaxcovid.data.table_images import files_of_rows, unlisted_note

FILES = (
    "images_001/images/a.png",
    "images_002/images/b.png",
    "train/p1/view1.jpg",
    "train/p2/view1.jpg",
    "Normal-1.png",
)

CASES = {  # a name, the file that it means, notes
    "whole": ("train/p1/view1.jpg", "train/p1/view1.jpg", ()),
    "alone": ("a.png", "images_001/images/a.png", ()),
    "without a suffix": ("b", "images_002/images/b.png", ()),
    "with the root's name": ("CheXpert-v1.0/train/p2/view1.jpg", "train/p2/view1.jpg", ()),
    "other slashes": (r"train\p2\view1.jpg", "train/p2/view1.jpg", ()),
    "other capitals": ("NORMAL-1", "Normal-1.png", ("1 name(s) differ in capitals (NORMAL-1 = Normal-1.png)",)),
    "absent": ("c.png", None, ("1 row(s) left out: there is no image of that name (c.png)",)),
    "empty": ("", None, ("1 row(s) left out: there is no image of that name ()",)),
    "another folder": ("elsewhere/a.png", "images_001/images/a.png", ()),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_file_of_a_row(case):
    name, expected, notes = CASES[case]
    match = files_of_rows([name], FILES)
    assert match.files == (() if expected is None else (expected,),) and not match.problems
    assert match.notes == notes
    assert match.unlisted == tuple(path for path in FILES if path != expected)


def test_a_name_of_several_files_is_a_problem():
    match = files_of_rows(["view1.jpg", "a.png"], FILES)
    assert match.files == ((), ("images_001/images/a.png",))
    (problem,) = match.problems
    assert "view1.jpg may be train/p1/view1.jpg or train/p2/view1.jpg" in problem


def test_all_are_listed_in_one_row_or_several():
    match = files_of_rows([*FILES, FILES[0]], FILES)
    assert match.files == tuple((path,) for path in (*FILES, FILES[0]))
    assert match.notes == () and match.unlisted == ()


def test_what_is_in_no_row_is_told():
    assert unlisted_note(()) == []
    assert unlisted_note(FILES) == [
        "5 image(s) in no row, so left out (images_001/images/a.png, images_002/images/b.png, "
        "train/p1/view1.jpg, ...)"
    ]


FOLDERS = {  # a name, and the files that it means
    "of a folder": ("p1", FILES[2:3]),
    "with what lies before": ("root/train/p2", FILES[3:4]),
    "other capitals": ("P1", FILES[2:3]),
    "of folders in it": ("train", FILES[2:4]),
    "a file first": ("a", FILES[:1]),
}


@pytest.mark.parametrize("case", FOLDERS)
def test_a_name_of_a_folder_means_all_in_it(case):
    name, expected = FOLDERS[case]
    match = files_of_rows([name], (*FILES, "a/1.png"))
    assert match.files == (expected,) and not match.problems
    assert (f"1 name(s) are of folders: all in them ({name})" in match.notes) == (
        case != "a file first"
    )


def test_a_name_of_several_folders_is_a_problem():
    (problem,) = files_of_rows(["images"], (*FILES, "other/images/c.png")).problems
    assert problem.startswith("`data`: images may be images_001/images or images_002/images")
