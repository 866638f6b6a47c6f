import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import traverse_util

from jaxcovid import models
from jaxcovid.errors import InputError
from jaxcovid.training.freeze_audit import digests, frozen_paths
from jaxcovid.training.losses import cross_entropy
from jaxcovid.training.step import Batch, init_state, make_train_step
from jaxcovid.training.trainable import combine, freeze, label, live_norms, partition, plan
from tests import made_up
from weights_convert import ARCHITECTURES, table


def variables(name):
    module = models.build(name, 2, (320,))
    images = jax.ShapeDtypeStruct((1, 64, 64, 3), jnp.float32)
    return jax.eval_shape(module.init, jax.random.key(0), images)


def labels(name, selection):
    return label(variables(name)["params"], name, selection, table(name, 2, (320,)))


# Blocks with a trainable leaf, per selection.
CASES = {
    ("resnet18", "head"): {"fc_0", "fc_2"},
    ("resnet18", "last_conv"): {"layer4_1/conv2", "layer4_1/bn2", "fc_0", "fc_2"},
    ("resnet18", "last_block"): {
        "layer4_0/conv1", "layer4_0/bn1", "layer4_0/conv2", "layer4_0/bn2",
        "layer4_0/downsample_0", "layer4_0/downsample_1",
        "layer4_1/conv1", "layer4_1/bn1", "layer4_1/conv2", "layer4_1/bn2", "fc_0", "fc_2",
    },
    ("resnet34", "last_conv"): {"layer4_2/conv2", "layer4_2/bn2", "fc_0", "fc_2"},
    ("resnet34", "layer3.5.*, head"): {
        "layer3_5/conv1", "layer3_5/bn1", "layer3_5/conv2", "layer3_5/bn2", "fc_0", "fc_2",
    },
    ("resnet18", "conv1.*, fc.2.bias"): {"conv1", "fc_2"},
    ("resnet18", " head ,"): {"fc_0", "fc_2"},
    ("resnet18", "head, conv1.*"): {"conv1", "fc_0", "fc_2"},
    ("vgg16", "head"): {"classifier_0", "classifier_2"},
    ("vgg16", "last_conv"): {"features_28", "classifier_0", "classifier_2"},
    ("vgg16", "last_block"): {
        "features_24", "features_26", "features_28", "classifier_0", "classifier_2",
    },
    ("vgg16", "features.2?.weight"): {"features_21", "features_24", "features_26", "features_28"},
}  # fmt: skip


@pytest.mark.parametrize(("name", "selection"), CASES)
def test_selection(name, selection):
    flat = traverse_util.flatten_dict(labels(name, selection))
    chosen = {"/".join(path[:-1]) for path, value in flat.items() if value != "frozen"}
    assert chosen == CASES[name, selection]


@pytest.mark.parametrize("name", models.MODELS)
def test_all_trains_everything_and_tells_head_from_backbone(name):
    flat = traverse_util.flatten_dict(labels(name, "all"), sep="/")
    assert set(flat.values()) == {"head", "backbone"}
    prefix = ARCHITECTURES[name].head
    assert {path for path, value in flat.items() if value == "head"} == {
        path for path in flat if path.startswith(prefix)
    }


def test_frozen_leaves_of_resnet18():
    """60 convolution and batch-norm parameters and 40 running statistics, below a new head."""
    stats, tree = variables("resnet18")["batch_stats"], labels("resnet18", "head")
    assert len(frozen_paths(tree, stats, live_norms(stats, tree, "frozen"))) == 100


def test_globs_that_match_nothing_are_named_together():
    with pytest.raises(InputError) as error:
        labels("resnet18", "layer5.*,fc.*,features.*")
    assert [problem.split("'")[1] for problem in error.value.problems] == [
        "layer5.*", "features.*",
    ]  # fmt: skip


def test_partition_and_combine_are_inverse():
    tree = {"a": {"b": 1, "c": 2}, "d": 3}
    names = {"a": {"b": "frozen", "c": "head"}, "d": "backbone"}
    trainable, frozen = partition(tree, names)
    assert trainable == {"a": {"b": None, "c": 2}, "d": 3}
    assert frozen == {"a": {"b": 1, "c": None}, "d": None}
    assert combine(trainable, frozen) == tree


def test_each_label_has_its_own_optimizer():
    params = {"a": jnp.ones(2), "b": jnp.ones(2), "c": jnp.ones(2)}
    names = {"a": "head", "b": "backbone", "c": "frozen"}
    optimizer = freeze(optax.sgd(1.0), optax.sgd(0.1), names)
    trainable, _ = partition(params, names)
    gradients = {"a": jnp.ones(2), "b": jnp.ones(2), "c": None}
    updates, _ = optimizer.update(gradients, optimizer.init(trainable), trainable)
    np.testing.assert_allclose(updates["a"], -1)
    np.testing.assert_allclose(updates["b"], -0.1)
    assert updates["c"] is None


NORM_CASES = {
    ("head", "frozen"): set(),
    ("last_conv", "frozen"): {"layer4_1/bn2"},
    ("bn1.weight", "frozen"): {"bn1"},
    ("layer4.1.conv2.*", "frozen"): set(),
}


@pytest.mark.parametrize(("selection", "habit"), NORM_CASES)
def test_frozen_norms_use_running_statistics(selection, habit):
    stats = variables("resnet18")["batch_stats"]
    assert live_norms(stats, labels("resnet18", selection), habit) == NORM_CASES[selection, habit]


@pytest.mark.parametrize(("selection", "habit"), [("head", "batch"), ("all", "frozen")])
def test_all_norms_can_be_live(selection, habit):
    stats = variables("resnet18")["batch_stats"]
    assert len(live_norms(stats, labels("resnet18", selection), habit)) == 20


@pytest.mark.parametrize(
    ("name", "total", "trainable"),
    # torchvision's backbones have 11,176,512, 21,284,672 and 14,714,688 parameters.
    [("resnet18", 11_176_512 + 164_802, 8_393_728 + 164_802),
     ("resnet34", 21_284_672 + 164_802, 13_114_368 + 164_802),
     ("vgg16", 14_714_688 + 8_029_122, 7_079_424 + 8_029_122)],
)  # fmt: skip
def test_plan_counts_parameters(name, total, trainable):
    names = labels(name, "last_block")
    stats = variables(name).get("batch_stats", {})
    norms = live_norms(stats, names, "frozen")
    rows = plan(variables(name)["params"], names, norms, table(name, 2, (320,)))
    assert sum(row.parameters for row in rows) == total
    assert sum(row.trainable for row in rows) == trainable
    by_block = {row.block: row for row in rows}
    if name == "resnet18":
        assert by_block["layer3_1"][1:] == ("frozen", 1_180_672, 0, "running")
        assert by_block["layer4_1"].batch_norm == "batch"
        assert [row.block for row in rows][:3] == ["conv1", "bn1", "layer1_0"]


@pytest.mark.system
def test_training_a_deeper_network_moves_only_what_is_selected():
    module = models.build("resnet34", 2, (8,))
    entries = table("resnet34", 2, (8,))
    start = made_up.variables(module)
    names = label(start["params"], "resnet34", "last_conv", entries)
    norms = live_norms(start["batch_stats"], names, "frozen")
    update = freeze(*[optax.sgd(0.1)] * 2, names)
    step = make_train_step(module, cross_entropy(), update, names, norms)
    state = init_state(start, update, names, jax.random.key(1))
    images = made_up.normal((4, 32, 32, 3))
    after, _ = jax.jit(step)(state, Batch(images, jnp.arange(4) % 2, jnp.ones(4)))
    before, now = (digests(state.params, state.batch_stats) for state in (state, after))
    moved = {path.rsplit("/", 1)[0] for path in before if before[path] != now[path]}
    assert moved == {
        "params/layer4_2/conv2", "params/layer4_2/bn2", "batch_stats/layer4_2/bn2",
        "params/fc_0", "params/fc_2",
    }  # fmt: skip
