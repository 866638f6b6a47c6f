"""Tables that list images: the same data as folders, readers, splits, what is left out."""

import shutil

import numpy as np
import pytest

from jaxcovid.config import TableSettings
from jaxcovid.data.division import Division
from jaxcovid.data.patients import with_patients
from jaxcovid.data.sources import load_dataset
from jaxcovid.data.table import read_listed
from jaxcovid.errors import InputError
from tests.data.image_files import write_pictures

TREE = [
    f"{split}/{label}/{split[:2]}-{label}{number}.png"
    for split, count in (("train", 4), ("val", 2), ("test", 1))
    for label in ("covid", "normal")
    for number in range(count)
]


def write(path, *lines):
    path.write_text("\n".join(lines) + "\n")
    return path


def listed(folder, *lines, **settings):
    return read_listed(write(folder / "t.csv", *lines), TableSettings(**settings))


def held(result):
    return [(file.split, file.label, file.path.name) for file in result.layout.files]


@pytest.fixture
def tree(tmp_path):
    return write_pictures(tmp_path / "tree", *TREE)


def test_a_folder_its_table_and_a_flat_folder_with_a_table_are_the_same_data(tree, tmp_path):
    rows = [(name, *name.split("/")[:2], f"P{place // 2}") for place, name in enumerate(TREE)]
    header = "file,class,patient,split"
    reordered = [rows[place] for place in np.random.default_rng(0).permutation(len(rows))]
    table = write(tree / "metadata.csv", header, *(f"{f},{c},{p},{s}" for f, s, c, p in reordered))
    flat = tmp_path / "flat"
    flat.mkdir()
    for name in TREE:
        shutil.copy(tree / name, flat)
    names = [f"{f.rsplit('/', 1)[1]},{c},{p},{s}" for f, s, c, p in reordered]
    lists = write(tmp_path / "lists.csv", header, *names)
    of_folder = load_dataset(str(tree), tmp_path / "cache")
    for data, how in ((table, TableSettings()), (lists, TableSettings(images=flat))):
        dataset = with_patients(load_dataset(str(data), tmp_path / "cache", table=how), None)
        assert dataset.classes == of_folder.classes
        for name, split in of_folder.splits.items():
            other = dataset.splits[name]
            for what in ("augmentable", "sizes", "evaluation", "labels", "miniatures"):
                np.testing.assert_array_equal(getattr(other, what), getattr(split, what))
            assert [path.rsplit("/")[-1] for path in other.paths] == [
                path.rsplit("/")[-1] for path in split.paths
            ]
        patient_of = {file.rsplit("/")[-1]: patient for file, _, _, patient in rows}
        for name, patients in dataset.patient_names.items():
            paths = dataset.splits[name].paths
            assert [patient_of[path.rsplit("/")[-1]] for path in paths] == list(patients)


def test_a_table_without_splits_is_divided_by_its_patients(tmp_path):
    names = [f"{label}{number}.png" for label in "ab" for number in range(20)]
    folder = write_pictures(tmp_path / "data", *names)
    rows = [f"{name},{name[0]},{name[0]}{int(name[1:-4]) // 2},H{name[1:-4]}" for name in names]
    table = write(folder / "t.csv", "file,label,patient,site", *rows)
    dataset = with_patients(load_dataset(str(table), tmp_path / "cache"), None)
    sizes = [len(dataset.splits[name].labels) for name in ("train", "validation", "test")]
    assert sizes[0] == 28 and set(sizes[1:]) <= {4, 6, 8} and sum(sizes) == 40
    assert not dataset.warnings and "20 patients' images together" in dataset.notes[-1]
    assert set(dataset.columns["test"]) == {"source"}
    # What a run writes down is a table that gives the same splits.
    written = [f"{member.file},{member.label},{member.patient},{member.split}" for member in dataset.members]  # fmt: skip
    again = write(tmp_path / "split.csv", "file,class,patient,split", *written)
    same = load_dataset(str(again), tmp_path / "cache", table=TableSettings(images=folder))
    assert {name: split.paths for name, split in same.splits.items()} == {
        name: split.paths for name, split in dataset.splits.items()
    }
    assert not same.members
    other = load_dataset(
        str(again),
        tmp_path / "cache",
        table=TableSettings(images=folder),
        division=Division(again=True, seed=1),
    )
    assert other.members and other.splits["train"].paths != dataset.splits["train"].paths


READERS = {  # whose answer counts, and the class of b.png, which the readers call 1, 0, 0
    "majority": "no Mass", "any": "Mass", "all": "no Mass",
}  # fmt: skip
READ = (
    "image_id,rad_id,Mass",
    "a,R1,1",
    "a,R2,1",
    "a,R3,1",
    "b,R1,1",
    "b,R2,0",
    "b,R3,0",
    "c,R1,0",
)


@pytest.mark.parametrize("readers", READERS)
def test_readers_who_disagree(readers, tmp_path):
    write_pictures(tmp_path, "a.png", "b.png", "c.png")
    result = listed(tmp_path, *READ, columns=("label=Mass",), readers=readers)
    expected = sorted([("images", "Mass", "a.png"), ("images", READERS[readers], "b.png"), ("images", "no Mass", "c.png")])  # fmt: skip
    assert sorted(held(result)) == expected
    assert result.notes[-2:] == (
        "4 row(s) more than images, joined",
        f"readers disagree on 1 image(s): {readers}",
    )


def test_a_tie_is_left_out(tmp_path):
    write_pictures(tmp_path, "a.png", "b.png", "c.png")
    rows = ("file,class", "a.png,x", "a.png,y", "b.png,x", "c.png,y")
    result = listed(tmp_path, *rows, readers="majority")
    assert [name for _, _, name in held(result)] == ["b.png", "c.png"]
    assert result.notes[-1] == "readers disagree on 1 image(s): majority, which leaves 1 out"


def test_rows_can_be_selected(tmp_path):
    write_pictures(tmp_path, *(f"{number}.png" for number in range(3)))
    rows = ("file,class,view,age", "0.png,a,PA,7", "1.png,b,AP,61", "2.png,b,LL,5")
    result = listed(tmp_path, *rows, select_rows='view in ("PA", "AP")')
    assert [name for _, _, name in held(result)] == ["0.png", "1.png"]
    assert "1 row(s) left out by select_rows" in result.notes and result.unlisted == ()
    assert listed(tmp_path, *rows[:3], select_rows="age > 0").unlisted == ("2.png",)
    assert result.rows["1.png"].further == {"view": "AP", "age": "61"}


def test_paths_may_hold_the_class(tmp_path):
    write_pictures(tmp_path, "ill/0.png", "well/1.png")
    result = listed(tmp_path, "file", "0.png", "1.png", columns=("label=path:^([^/]+)",))
    assert held(result) == [("images", "ill", "0.png"), ("images", "well", "1.png")]


def test_a_test_split_may_be_without_classes(tmp_path):
    write_pictures(tmp_path, "a.png", "b.png", "c.png")
    rows = ("file,class,split", "a.png,x,train", "b.png,y,train", "c.png,,test")
    assert held(listed(tmp_path, *rows))[-1] == ("test", None, "c.png")


def test_folders_of_patients_tell_who_they_are(tmp_path):
    names = ("train/patient00001/study1/v1.png", "train/patient00002/study1/v1.png")
    write_pictures(tmp_path / "small", *names)
    rows = ("Path,Edema", *(f"CheXpert-small/{name},{n}.0" for n, name in enumerate(names)))
    result = listed(tmp_path / "small", *rows, columns=("label=Edema",))
    patients = {name.split("/")[1]: row.patient for name, row in result.rows.items()}
    assert patients == {name: name for name in ("patient00001", "patient00002")}


BAD = {  # lines, settings, what is said
    "different classes": (("file,class", "a.png,x", "a.png,y", "b.png,x"), {}, "the rows of 1 image(s) name different classes, such as a.png: x, y"),
    "any without 0 and 1": (("file,class", "a.png,x", "a.png,y"), {"readers": "any"}, "`readers`: any is about findings"),
    "two patients": (("file,class,patient", "a.png,x,1", "a.png,x,2", "b.png,y,3"), {}, "name several patients, such as a.png: 1, 2"),
    "two splits": (("file,class,split", "a.png,x,train", "a.png,x,test", "b.png,y,train"), {}, "name several splits, such as a.png: test, train"),
    "no split": (("file,class,split", "a.png,x,train", "b.png,y,"), {}, "1 row(s) are of no split, such as line 3, ''"),
    "a class that cannot be shown": (("file,class", "a.png,x\x00y", "b.png,z"), {}, "class 'x\\x00y' holds what cannot be shown"),
    "one class": (("file,class", "a.png,x", "b.png,x"), {}, "hold only the class 'x'"),
    "no image": (("file,class", "z.png,x", "y.png,y"), {}, "hold no class"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_is_refused(case, tmp_path):
    lines, settings, expected = BAD[case]
    write_pictures(tmp_path, "a.png", "b.png")
    with pytest.raises(InputError) as error:
        listed(tmp_path, *lines, **settings)
    assert expected in str(error.value)


def test_settings_of_tables_are_refused_for_folders_and_training_images_needed(tree, tmp_path):
    with pytest.raises(InputError, match=r"`labels`: .* is no table"):
        load_dataset(str(tree), tmp_path, table=TableSettings(labels=("a=b",)))
    with pytest.raises(InputError, match=r"`patients`: .*t.csv itself says"):
        load_dataset(str(tmp_path / "t.csv"), tmp_path, patients={})
    with pytest.raises(InputError, match=r"`images`: .*nowhere is not a folder"):
        listed(tmp_path, "file,class", images=tmp_path / "nowhere")
    rows = [f"{name},{name.split('/')[1]},test" for name in TREE]
    table = write(tree / "t.csv", "file,class,split", *rows)
    with pytest.raises(InputError, match="has no training images, only test"):
        load_dataset(str(table), tmp_path)
