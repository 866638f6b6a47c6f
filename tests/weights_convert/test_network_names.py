"""A known network is found behind what wrappers put before its names."""

import pytest

from weights_convert import FormatError, table
from weights_convert.network_names import choose, networks

NAMES = [entry.torch for entry in table("resnet18", 2)]
VGG = [entry.torch for entry in table("vgg16", 2)]


def prefixed(prefix, names=NAMES):
    return {f"{prefix}{name}": prefix for name in names}


WRAPPED = {
    "nothing": (prefixed(""), None),
    "DataParallel": (prefixed("module."), "'module.'"),
    "Lightning": (prefixed("model."), "'model.'"),
    "an encoder": (prefixed("backbone.encoder."), "'backbone.encoder.'"),
    "compiled": (prefixed("_orig_mod.module.model."), "'_orig_mod.module.model.'"),
    "any prefix": (prefixed("classifier_a."), "'classifier_a.'"),
    "DataParallel inside": (
        {name.replace("layer3.", "layer3.module.").replace("conv1.", "conv1.", 1): "" for name in NAMES},
        "'module.' removed",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRAPPED)
def test_prefixes_are_removed_with_a_note(case):
    values, note = WRAPPED[case]
    chosen = choose(values)
    assert list(chosen.inside) == NAMES and not chosen.outside
    assert bool(chosen.notes) == bool(note) and (note or "") in "".join(chosen.notes)


def test_dataparallel_of_vggs_features_alone():
    values = {name.replace("features.", "features.module."): "" for name in VGG}
    assert list(choose(values).inside) == VGG


def test_what_is_beside_the_network_stays_outside():
    values = prefixed("model.") | {"criterion.weight": "", "acc.total": ""}
    chosen = choose(values)
    assert list(chosen.inside) == NAMES and list(chosen.outside) == [
        "criterion.weight",
        "acc.total",
    ]


BOTH = prefixed("model.") | prefixed("ema_model.module.")


def test_of_several_networks_the_expected_is_taken_and_any_by_its_name():
    chosen = choose(BOTH)
    assert set(chosen.inside.values()) == {"model."}
    assert any("ema_model.module" in note for note in chosen.notes)
    assert set(choose(BOTH, "ema_model.module").inside.values()) == {"ema_model.module."}
    assert set(choose(prefixed("") | prefixed("ema."), "ema").inside.values()) == {"ema."}
    nested = choose(prefixed("model.") | prefixed("model.ema."))
    assert list(nested.inside) == NAMES and set(nested.inside.values()) == {"model."}


def test_equals_are_not_chosen_between():
    with pytest.raises(FormatError, match=r"several networks .student, teacher.; choose one"):
        choose(prefixed("student.") | prefixed("teacher."))


def test_names_of_no_known_network_keep_their_prefix_but_for_wrappers():
    assert not networks({"model.a": 1, "model.b": 2})
    assert choose({"model.a": 1, "model.b": 2}).inside == {"model.a": 1, "model.b": 2}
    assert choose({"module.a": 1, "module.b": 2}).inside == {"a": 1, "b": 2}
    assert choose({"module.a": 1, "b": 2}).inside == {"module.a": 1, "b": 2}
    assert choose({"module": 1}).inside == {"module": 1}


def test_a_prefix_of_any_length_takes_no_time():
    assert choose({"module." * 100_000 + "a": 1}).inside == {"a": 1}
    many = {f"p{i}.{name}": 1 for i in range(50) for name in (NAMES[0], NAMES[-3])}
    many |= {f"p{i}.layer4.1.bn2.running_var": 1 for i in range(50)}
    with pytest.raises(FormatError, match="50 networks"):
        choose(many)
