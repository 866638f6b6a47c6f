"""Names and shapes are torchvision's, and networks with its weights compute what it computes."""

import csv
import json
import re

import jax
import numpy as np
import pytest
from PIL import Image

import weights_convert
from jaxcovid import models
from jaxcovid.config import Config
from jaxcovid.runs.run import fine_tune
from tests.parity.test_training import CLASSES, HIDDEN, images, to_torch, torch_model, variables_of
from tests.small_network import PUBLISHED
from weights_convert import ARCHITECTURES

pytestmark = pytest.mark.parity


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_weights_file_is_that_of_torchvisions_table(torchvision, name):
    weights = torchvision.models.get_model_weights(name).IMAGENET1K_V1
    file = ARCHITECTURES[name].weights
    assert weights.url == f"{file.server}/{file.name}"
    # As torch.hub reads it from the name.
    (prefix,) = re.findall(r"-([a-f0-9]*)\.", weights.url.rsplit("/", 1)[1])
    assert prefix and file.sha256.startswith(prefix)


@pytest.mark.parametrize("name", PUBLISHED)
def test_names_shapes_and_their_order_are_torchvisions(torch, torchvision, name):
    row = ARCHITECTURES[name]
    entries = weights_convert.table(name, 1000, row.imagenet_hidden, row.imagenet_dropout)
    with torch.device("meta"):
        state = getattr(torchvision.models, name)().state_dict()
    theirs = [
        (key, tuple(value.shape))
        for key, value in state.items()
        if not key.endswith("num_batches_tracked")
    ]
    assert [(entry.torch, entry.shape) for entry in entries] == theirs
    shapes = {key: np.broadcast_to(np.float32(0), shape) for key, shape in theirs}
    assert weights_convert.detect(shapes) == entries


UNKNOWN = {
    "resnet50": "a deeper ResNet", "resnet101": "a deeper ResNet", "resnet152": "a deeper ResNet",
    "wide_resnet50_2": "a deeper ResNet", "resnext50_32x4d": "a deeper ResNet",
    "vgg19": "another VGG", "vgg16_bn": "another VGG", "vgg19_bn": "another VGG",
    "vgg11": "belong to none of", "vgg13": "belong to none of", "alexnet": "belong to none of",
    "densenet121": "belong to none of", "mobilenet_v2": "belong to none of",
}  # fmt: skip


@pytest.mark.parametrize("name", UNKNOWN)
def test_unknown_networks_of_torchvision_are_refused(torch, torchvision, name):
    with torch.device("meta"):
        state = torchvision.models.get_model(name).state_dict()
    shapes = {key: np.broadcast_to(np.float32(0), value.shape) for key, value in state.items()}
    with pytest.raises(weights_convert.ConversionError, match=UNKNOWN[name]):
        weights_convert.detect(shapes)


def resnet_stages():
    def layer(number):
        return lambda model, x: getattr(model, f"layer{number}")(x)

    stem = {"stem": lambda model, x: model.maxpool(model.relu(model.bn1(model.conv1(x))))}
    return stem | {f"layer{number}": layer(number) for number in range(1, 5)}


def vgg_stages(*ends):
    def block(first, last):
        return lambda model, x: model.features[first:last](x)

    starts = (0, *ends[:-1])
    return {
        f"block{number}": block(first, last)
        for number, (first, last) in enumerate(zip(starts, ends, strict=True), start=1)
    }


STAGES = {
    "resnet18": resnet_stages(),
    "resnet34": resnet_stages(),
    "vgg16": vgg_stages(5, 10, 17, 24, 31),
}


@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.parametrize("size", [224, 150])
def test_stage_by_stage(torch, torchvision, name, size):
    model = torch_model(torch, torchvision, name)
    variables = variables_of(model, name)
    module = models.build(name, CLASSES, (HIDDEN,))
    batch = images(0, size, 1)
    run = jax.jit(module.apply, static_argnames=("start", "stop"))
    expected, got = to_torch(torch, batch), batch
    for stage, compute in STAGES[name].items():
        with torch.no_grad():
            expected = compute(model, expected)
        got = run(variables, got, start=stage, stop=stage)
        np.testing.assert_allclose(
            np.asarray(got).transpose(0, 3, 1, 2),
            expected.numpy(),
            atol=2e-4,
            rtol=1e-4,
            err_msg=stage,
        )


def test_a_runs_weights_predict_the_same_in_torchvisions_pipeline(
    torch, torchvision, image_folder, tmp_path, undrawn
):
    run = fine_tune(
        Config(
            data=str(image_folder),
            weights="none",
            head=(16,),
            epochs=1,
            lr=1e-2,
            trainable="last_block",
            output=tmp_path / "run",
        )
    )
    model = torchvision.models.resnet18()
    layers = torch.nn.Linear(512, 16), torch.nn.ReLU(), torch.nn.Linear(16, 2)
    model.fc = torch.nn.Sequential(*layers)
    model.load_state_dict(torch.load(run / "weights.pth", weights_only=True), strict=True)
    transforms = torchvision.transforms
    prepare = transforms.Compose(
        [
            transforms.Resize(256),
            transforms.CenterCrop(224),
            transforms.ToTensor(),
            transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    )
    classes = json.loads((run / "config.json").read_text())["dataset"]["classes"]
    with (run / "predictions.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 18
    for row in rows:
        image = prepare(Image.open(image_folder / row["path"]).convert("RGB"))
        with torch.no_grad():
            probabilities = model.eval()(image[None])[0].softmax(0).numpy()
        assert classes[probabilities.argmax()] == row["prediction"]
        for name, probability in zip(classes, probabilities, strict=True):
            assert float(row[f"prob_{name}"]) == pytest.approx(probability, abs=1e-3)


def test_a_two_class_network_from_torch_starts_a_three_class_run(
    torch, torchvision, image_folder, tmp_path, undrawn
):
    model = torch_model(torch, torchvision, "resnet18")
    torch.save(model.state_dict(), tmp_path / "part1.pth")
    run = fine_tune(
        Config(
            data=str(image_folder),
            weights=str(tmp_path / "part1.pth"),
            head=(8,),
            epochs=1,
            output=tmp_path / "run",
        )
    )
    assert "new head" in json.loads((run / "config.json").read_text())["weights_source"]
    kept = weights_convert.load(run)
    for key, value in model.state_dict().items():
        if not key.startswith("fc") and not key.endswith("num_batches_tracked"):
            np.testing.assert_array_equal(kept[key], value.numpy(), err_msg=key)
