"""Which architecture the names belong to, and whose names are refused."""

import numpy as np
import pytest

from weights_convert import ARCHITECTURES, ConversionError, check, detect, table

*OTHERS_KNOWN, LAST_KNOWN = ARCHITECTURES
KNOWN = f"only {', '.join(OTHERS_KNOWN)} and {LAST_KNOWN} are known"


def shapes(*arguments):
    return {entry.torch: np.broadcast_to(np.float32(0), entry.shape) for entry in table(*arguments)}


DETECTED = {
    "torchvision": ("resnet18", 1000),
    "the assignment's head": ("resnet18", 2, (320,)),
    "with dropout": ("resnet18", 3, (256, 128), True),
    "ResNet34": ("resnet34", 1000),
    "ResNet34, with dropout": ("resnet34", 3, (256, 128), True),
    "VGG16": ("vgg16", 1000, (4096, 4096), True),
    "VGG16, one layer": ("vgg16", 4),
}


@pytest.mark.parametrize("case", DETECTED)
def test_the_model_is_detected(case):
    arguments = DETECTED[case]
    assert detect(shapes(*arguments)) == table(*arguments)
    assert detect(shapes(*arguments), arguments[0]) == table(*arguments)


RELATIVES = {
    "ResNet with more blocks": ("resnet18", "layer3.2.conv1.weight", "deeper ResNet"),
    "ResNet50, as ResNet18": ("resnet18", "layer1.0.conv3.weight", "deeper ResNet"),
    "ResNet50": ("resnet34", "layer1.0.conv3.weight", "deeper ResNet"),
    "ResNet101": ("resnet34", "layer3.6.conv1.weight", "deeper ResNet"),
    "VGG19": ("vgg16", "features.34.weight", "another VGG"),
    "VGG16 with batch norm": ("vgg16", "features.1.running_mean", "another VGG"),
}


@pytest.mark.parametrize("model", [None, *ARCHITECTURES])
@pytest.mark.parametrize("case", RELATIVES)
def test_unknown_relatives_are_refused_by_name(case, model):
    base, name, relative = RELATIVES[case]
    state = {**shapes(base, 2), name: np.zeros(1, np.float32)}
    with pytest.raises(ConversionError, match=f"it holds (a )?{relative}; {KNOWN}"):
        detect(state, model)


OTHERS = {
    "ResNet18 for ResNet34": ("resnet18", "resnet34"),
    "ResNet34 for ResNet18": ("resnet34", "resnet18"),
    "ResNet34 for VGG16": ("resnet34", "vgg16"),
    "VGG16 for ResNet34": ("vgg16", "resnet34"),
}


@pytest.mark.parametrize("case", OTHERS)
def test_another_known_architecture_is_refused_by_name(case):
    held, wanted = OTHERS[case]
    with pytest.raises(ConversionError, match=f"^it holds {held} weights, not {wanted}'s$"):
        detect(shapes(held, 2), wanted)


FOREIGN = {
    "nothing": {},
    "another network": {"encoder.weight": np.zeros(1)},
    # AlexNet's indices; VGG has none of its last convolution.
    "AlexNet": {f"features.{index}.weight": np.zeros(1) for index in (0, 3, 6, 8, 10)},
}


@pytest.mark.parametrize("case", FOREIGN)
def test_names_of_no_known_architecture(case):
    with pytest.raises(ConversionError, match=f"belong to none of {', '.join(ARCHITECTURES)}"):
        detect(FOREIGN[case])


@pytest.mark.parametrize("model", ARCHITECTURES)
@pytest.mark.parametrize("given", [True, False])
def test_damaged_files_are_recognised_and_everything_wrong_is_listed(model, given):
    state = shapes(model, 2, (8,))
    # One of each kind, also of the names that tell the architecture.
    first, *_, last = [entry.torch for entry in ARCHITECTURES[model].backbone]
    del state[first], state[last]
    head = f"{ARCHITECTURES[model].head}.0.bias"
    state[head] = np.zeros(7, np.float32)
    state["extra"] = np.zeros(1, np.float32)
    with pytest.raises(ConversionError) as error:
        check(state, detect(state, model if given else None))
    problems = {problem.split(":")[0] for problem in error.value.problems}
    assert problems == {first, last, head, "extra"}


@pytest.mark.parametrize("model", ARCHITECTURES)
def test_without_a_head_torchvisions_is_missing(model):
    state = {entry.torch: np.broadcast_to(np.float32(0), entry.shape)
             for entry in ARCHITECTURES[model].backbone}  # fmt: skip
    with pytest.raises(ConversionError) as error:
        check(state, detect(state))
    assert all("missing, expected" in problem for problem in error.value.problems)
    assert any("(1000," in problem for problem in error.value.problems)
