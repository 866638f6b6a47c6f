import os
from pathlib import Path

import pytest

from jaxcovid.data.fingerprints import fingerprint
from jaxcovid.data.layout import (
    path_text,
    scan,
    scan_all,
    scan_split,
)
from jaxcovid.errors import InputError


def make(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        if name.endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
    return root


GOOD = ("train/a/1.png", "train/b/2.jpg", "validation/a/3.jpeg", "validation/b/4.PNG")

ALIASES = {
    "as in the design": GOOD,
    "part 2 of the assignment": (
        "Train/a/1.png", "Train/b/2.jpg", "Validation/a/3.png", "Validation/b/4.png",
    ),
    "val": ("TRAIN/a/1.png", "TRAIN/b/2.png", "val/a/3.png", "val/b/4.png"),
    "valid": ("training/a/1.png", "training/b/2.png", "Valid/a/3.png", "Valid/b/4.png"),
    "nested in a class": (
        "train/a/x/1.png", "train/b/2.png", "validation/a/3.png", "validation/b/4.png",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ALIASES)
def test_splits_by_many_names(case, tmp_path):
    layout = scan(make(tmp_path, *ALIASES[case]))
    assert layout.classes == ("a", "b")
    assert [(file.split, file.label) for file in layout.files] == [
        ("train", "a"), ("train", "b"), ("validation", "a"), ("validation", "b"),
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["test", "TestData", "TESTING"])
def test_a_test_split_may_be_unlabelled(name, tmp_path):
    layout = scan(make(tmp_path, *GOOD, f"{name}/5.png", f"{name}/6.png"))
    assert [file.label for file in layout.files if file.split == "test"] == [None, None]


def test_other_files_are_ignored_and_hidden_ones_not_mentioned(tmp_path):
    extra = ("train/a/notes.txt", "train/a/.DS_Store", "train/.cache/x.png", "README.md")
    layout = scan(make(tmp_path, *GOOD, *extra))
    assert layout.ignored == ("train/a/notes.txt",)
    assert len(layout.files) == 4


BAD = {
    "no train split": (GOOD[2:], ["no train split"]),
    "no training split": (GOOD[2:], ["no train split"]),
    "neither": (("a/1.png", "b/2.png"), ["no train split"]),
    "two validation splits": ((*GOOD, "val/a/1.png"), ["val, validation all mean"]),
    "one class": (("train/a/1.png", "validation/a/1.png"), ["1 class folder(s)"]),
    "class only in validation": ((*GOOD, "validation/c/1.png"), ["class 'c' is not in"]),
    "class only in test": ((*GOOD, "test/c/1.png"), ["class 'c' is not in"]),
    "empty class folder": ((*GOOD, "train/c/"), ["no PNG, JPEG or DICOM image in this class folder"]),
    "class folder with text only": ((*GOOD, "train/c/x.txt"), ["in this class folder"]),
    "empty train split": ((*GOOD[2:], "train/"), ["the train split is empty"]),
    "loose images in train": ((*GOOD, "train/x.png"), ["1 image(s) outside any class folder"]),
    "test half labelled": ((*GOOD, "test/x.png", "test/a/y.png"), ["outside any class folder"]),
    "several at once": (
        (*GOOD, "train/c/", "validation/d/1.png", "train/x.png"),
        ["class folder; fill", "outside any class", "class 'd'"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_problems_are_all_named(case, tmp_path):
    names, expected = BAD[case]
    with pytest.raises(InputError) as error:
        scan(make(tmp_path, *names))
    assert len(error.value.problems) == len(expected)
    for part, problem in zip(expected, error.value.problems, strict=True):
        assert part in problem and str(tmp_path) in problem


def test_no_such_folder(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        scan(tmp_path / "nowhere")


def test_links_to_folders_are_followed_and_loops_end(tmp_path):
    make(tmp_path / "away", "a/1.png", "more/2.png")
    make(tmp_path / "data", "train/b/2.jpg", "validation/a/3.png", "validation/b/4.png")
    (tmp_path / "data/train/a").symlink_to(tmp_path / "away/a")
    (tmp_path / "data/train/b/more").symlink_to(tmp_path / "away/more")
    (tmp_path / "data/train/b/loop").symlink_to(tmp_path / "data/train/b")
    (tmp_path / "data/train/b/nowhere.png").symlink_to(tmp_path / "nowhere")
    layout = scan(tmp_path / "data")
    names = [file.path.name for file in layout.files if file.split == "train"]
    assert sorted(names) == ["1.png", "2.jpg", "2.png", "nowhere.png"]
    fingerprint(layout, tmp_path / "data")  # which ends, too


def test_names_that_are_not_unicode_are_refused(tmp_path):
    make(tmp_path, *GOOD)
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/train/a/x\xff.png"))).write_text("x")
    with pytest.raises(InputError, match="not valid Unicode"):
        scan(tmp_path)


# One split, for a model whose classes are given.
GOOD_SPLIT = ("TestData/covid/1.png", "TestData/normal/2.png", "TestData/notes.txt", "other/x.png")


def test_one_split_is_found_with_the_models_classes_and_nothing_beside(tmp_path):
    layout = scan_split(make(tmp_path, *GOOD_SPLIT), "test", ("normal", "flu", "covid"))
    assert layout.classes == ("normal", "flu", "covid")
    assert layout.ignored == ("TestData/notes.txt",)
    assert [(file.split, file.label, file.path) for file in layout.files] == [
        ("test", "covid", tmp_path / GOOD_SPLIT[0]), ("test", "normal", tmp_path / GOOD_SPLIT[1]),
    ]  # fmt: skip


BAD_SPLITS = {
    "missing split": (("train/a/1.png", "val/a/1.png"), ["no test split; expected .* found train, val"]),
    "no folders": ((), ["no test split; .* found no folders"]),
    "two of them": (("test/covid/1.png", "testing/covid/1.png"), ["all mean the test split"]),
    "unlabelled": (("test/1.png", "test/2.png"), [r"no class folders.*experiments/predict\.py"]),
    "half labelled": (("test/1.png", "test/covid/2.png"), ["outside any class folder"]),
    "unknown classes": (
        ("test/covid/1.png", "test/covid/2.png", "test/normal/3.png", "test/flu/1.png", "test/Covid/1.png"),
        ["class 'Covid' is unknown .* covid, normal", "class 'flu' is unknown .* covid, normal"],
    ),
    "several": (("test/1.png", "test/flu/1.png"), ["outside any", "class 'flu'"]),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_SPLITS)
def test_problems_of_one_split_are_all_named(case, tmp_path):
    names, expected = BAD_SPLITS[case]
    (tmp_path / "images").mkdir()
    folder = make(tmp_path / "images", *names)
    with pytest.raises(InputError) as error:
        scan_split(folder, "test", ("covid", "normal"))
    assert len(error.value.problems) == len(expected)
    for pattern, problem in zip(expected, error.value.problems, strict=True):
        with pytest.raises(InputError, match=pattern):
            raise InputError([problem])
        assert str(folder) in problem


def test_nowhere_and_unknown_splits(tmp_path):
    with pytest.raises(InputError, match=r"does not exist; give a folder with test/"):
        scan_split(tmp_path / "nowhere", "test", ("a", "b"))
    with pytest.raises(InputError, match="`split`: 'all' is none of train, validation, test"):
        scan_split(tmp_path, "all", ("a", "b"))


@pytest.mark.parametrize(
    ("name", "text"),
    [(b"a b.png", "a b.png"), ("ü".encode(), "ü"), (b"x\xff", "x\N{REPLACEMENT CHARACTER}")],
)
def test_every_path_can_be_printed(name, text):
    assert path_text(Path(os.fsdecode(name))) == text


def test_a_folder_without_splits_is_whichever_split_is_asked_for(tmp_path):
    folder = make(tmp_path, "covid/1.png", "normal/2.png", "metadata.csv")
    layout = scan_split(folder, "test", ("covid", "normal"))
    assert [(file.split, file.label) for file in layout.files] == [
        ("test", "covid"),
        ("test", "normal"),
    ]


WHOLE_FOLDERS = {  # files, classes, splits
    "classes": (("a/1.png", "b/2.png", "x.csv"), ("a", "b"), {"images"}),
    "splits": (("Train/a/1.png", "val/b/1.png"), ("a", "b"), {"train", "validation"}),
    "training alone": (("train/a/1.png", "train/b/1.png", "notes/1.png"), ("a", "b"), {"train"}),
    "unlabelled test": (("train/a/1.png", "train/b/1.png", "test/1.png"), ("a", "b"), {"train", "test"}),
}  # fmt: skip


@pytest.mark.parametrize("case", WHOLE_FOLDERS)
def test_all_of_a_folder(case, tmp_path):
    names, classes, splits = WHOLE_FOLDERS[case]
    layout = scan_all(make(tmp_path, *names))
    assert (layout.classes, {file.split for file in layout.files}) == (classes, splits)


@pytest.mark.parametrize("names", [(), ("1.png",), ("a/1.png",), ("a/1.png", "b/2.txt")], ids=str)
def test_all_of_a_folder_that_holds_no_two_classes(names, tmp_path):
    with pytest.raises(InputError, match=r"class folder|no PNG"):
        scan_all(make(tmp_path, *names))


LINKED = {  # link: target; what is wrong
    "one folder in two classes": ({"train/a/x": "pool", "train/b/y": "pool"}, ["train/b/y and {0}/train/a/x are the same folder"]),
    "a class twice": ({"train/c": "train/a", "validation/c": "validation/a"}, ["train/c and {0}/train/a are", "validation/c and {0}/validation/a are"]),
    "a class within another": ({"train/b/a": "train/a"}, ["train/b/a and {0}/train/a are the same"]),
    "in two splits": ({"train/a/x": "pool", "validation/b/y": "pool"}, ["validation/b/y and {0}/train/a/x are"]),
    "nested folders are one fault": ({"train/a/x": "nest", "train/b/y": "nest"}, ["train/b/y and {0}/train/a/x"]),
    "gone": ({"train/c": "nowhere"}, ["train/c: a link that leads nowhere"]),
    "gone below": ({"train/a/more": "nowhere"}, ["train/a/more: a link that leads nowhere"]),
    "a split that is gone": ({"test": "nowhere"}, ["test: cannot be listed (No such file or directory)"]),
    "into itself": ({"train/c": "train/c"}, ["train/c: cannot be looked at (Too many levels"]),
}  # fmt: skip


@pytest.mark.parametrize("case", LINKED)
def test_links_that_lose_images_or_mislabel_them_are_faults(case, tmp_path):
    links, expected = LINKED[case]
    folder = make(tmp_path, *GOOD, "pool/5.png", "nest/er/6.png")
    for name, target in links.items():
        (folder / name).symlink_to(folder / target)
    with pytest.raises(InputError) as error:
        scan(folder)
    assert len(error.value.problems) == len(expected)
    for part, problem in zip(expected, error.value.problems, strict=True):
        assert part.format(folder) in problem


def test_one_folder_linked_twice_into_a_class_counts_under_both_names(tmp_path):
    folder = make(tmp_path, *GOOD, "pool/5.png")
    for name in ("train/a/x", "train/a/y", "validation/a/z"):
        (folder / name).symlink_to(folder / "pool")
    names = [file.path.relative_to(folder).as_posix() for file in scan(folder).files]
    assert {"train/a/x/5.png", "train/a/y/5.png", "validation/a/z/5.png"} <= set(names)


NFC, NFD = "na\u00efve", "nai\u0308ve"

# Folders with an image each; the classes, and parts of warnings.
SPELLED = {
    "across splits": ((f"train/{NFC}", "train/b", f"validation/{NFD}"), ("b", NFC), ["named in 2 ways, 'nai\\u0308ve' and 'na\\xefve', which"]),
    "the other way": ((f"train/{NFD}", "train/b", f"validation/{NFC}"), ("b", NFD), ["named in 2 ways"]),
    "within a split": ((f"train/{NFC}", f"train/{NFD}", "train/b", "validation/b"), ("b", NFC), ["named in 2 ways"]),
    "all alike": ((f"train/{NFD}", "train/b", f"validation/{NFD}"), ("b", NFD), []),
    "no two of them": (("train/a", "train/A", "train/a ", "validation/a"), ("A", "a", "a "), []),
}  # fmt: skip


@pytest.mark.parametrize("case", SPELLED)
def test_names_that_differ_in_how_accents_are_stored_are_one_class(case, tmp_path):
    folders, classes, warnings = SPELLED[case]
    layout = scan(make(tmp_path, *(f"{name}/{n}.png" for n, name in enumerate(folders))))
    assert layout.classes == classes and len(layout.files) == len(folders)
    assert {file.label for file in layout.files} <= set(classes)
    assert len(layout.warnings) == len(warnings)
    assert all(part in text for part, text in zip(warnings, layout.warnings, strict=True))


def test_a_model_knows_its_classes_by_either_spelling(tmp_path):
    folder = make(tmp_path, f"test/{NFC}/1.png", "test/b/2.png")
    assert [file.label for file in scan_split(folder, "test", ("b", NFD)).files] == ["b", NFD]
    assert scan_all(folder).classes == ("b", NFC)


UNLIKE = {  # train, validation: what is wrong
    "blank": ("normal ", "normal", "differ in blanks: 'normal ' has a trailing blank"),
    "blank in front": ("normal", " normal", "' normal' has a leading blank"),
    "case": ("normal", "Normal", "'Normal' and 'normal' differ in case only"),
    "dash": ("covid-19", "covid\u201119", r"look alike, but are 'covid\u201119' and 'covid-19'"),
    "nothing alike": ("normal", "healthy", "remove the folder"),
}


@pytest.mark.parametrize("case", UNLIKE)
def test_a_class_that_only_looks_known_is_told_what_differs(case, tmp_path):
    train, other, expected = UNLIKE[case]
    make(tmp_path, f"train/{train}/1.png", "train/b/2.png", f"validation/{other}/3.png")
    for scanned in (
        lambda: scan(tmp_path),
        lambda: scan_split(tmp_path, "validation", ("b", train)),
    ):
        with pytest.raises(InputError) as error:
            scanned()
        assert len(error.value.problems) == 1 and error.value.problems[0].endswith(expected)


def test_splits_may_have_blanks_around_their_names_and_litter_beside_them(tmp_path):
    names = ("Train /a/1.png", "Train /b/2.png", "val/a/3.png", "__MACOSX/train/a/._1.png")
    litter = (
        "Train /__MACOSX/a/x.png",
        "Train /a/Thumbs.db",
        "Train /desktop.ini",
        "val/@eaDir/y.png",
    )
    layout = scan(make(tmp_path, *names, *litter))
    assert (len(layout.files), layout.ignored, layout.classes) == (3, (), ("a", "b"))


def test_images_beside_the_splits_are_told(tmp_path):
    beside = ("xrays/train/a/1.png", "xrays/train/b/2.png", "notes/read.txt", "__MACOSX/a/._1.png")
    folder = make(tmp_path, *GOOD, *beside)
    told = f"2 image(s) in {tmp_path / 'xrays'} are not read, as the folder is none of the splits"
    for found in (scan(folder), scan_all(folder)):
        assert [warning.partition(" (")[0] for warning in found.warnings] == [told]
