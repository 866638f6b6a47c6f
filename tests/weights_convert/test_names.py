"""The table of architectures: names, order and sizes of torchvision's arrays."""

import numpy as np
import pytest

from weights_convert import ARCHITECTURES, head_names, table
from weights_convert.names import flax_module, vgg_indices


@pytest.mark.parametrize(
    ("torch", "flax"),
    [("layer4.1.conv2", ("layer4_1", "conv2")),
     ("layer2.0.downsample.1", ("layer2_0", "downsample_1")),
     ("features.28", ("features_28",)), ("fc", ("fc",)), ("fc.0", ("fc_0",))],
)  # fmt: skip
def test_module_names(torch, flax):
    assert flax_module(torch) == flax


@pytest.mark.parametrize(
    ("arguments", "names"),
    [(("resnet18", 1, False), ("fc.0", "fc.2")), (("resnet18", 2, True), ("fc.0", "fc.3", "fc.6")),
     (("vgg16", 2, True), ("classifier.0", "classifier.3", "classifier.6")),
     (("resnet18", 0, False), ("fc",)), (("vgg16", 0, False), ("classifier.0",))],
)  # fmt: skip
def test_head_names(arguments, names):
    assert head_names(*arguments) == names


def test_parameter_counts_are_torchvisions():
    def count(entries):
        return sum(int(np.prod(entry.shape)) for entry in entries if entry.flax[0] == "params")

    assert count(table("resnet18", 1000)) == 11_689_512
    assert count(table("resnet34", 1000)) == 21_797_672
    assert count(table("vgg16", 1000, (4096, 4096), dropout=True)) == 138_357_544


def test_convolutions_of_vgg_stand_between_relus_and_pools():
    assert vgg_indices(ARCHITECTURES["vgg16"].channels) == (
        (0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28),
    )  # fmt: skip


def test_names_differ_within_an_architecture_and_are_its_own_heads():
    for name, architecture in ARCHITECTURES.items():
        entries = table(name, 1000, architecture.imagenet_hidden, architecture.imagenet_dropout)
        assert len({entry.torch for entry in entries}) == len(entries)
        assert len({entry.flax for entry in entries}) == len(entries)
        head = [entry for entry in entries if entry.torch.startswith(f"{architecture.head}.")]
        assert tuple(head) == entries[len(architecture.backbone) :]


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match="unknown model 'resnet50'; known: resnet18, "):
        table("resnet50", 2)


def test_the_published_names_carry_the_digest():
    for architecture in ARCHITECTURES.values():
        file = architecture.weights
        assert file.name.endswith(f"-{file.sha256[:8]}.pth") and len(file.sha256) in (8, 64)
