"""Image files to answers: their order, batches, those that cannot be read. No network computes."""

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jaxcovid.config import Config
from jaxcovid.errors import InputError
from jaxcovid.inference import predict as prediction
from jaxcovid.inference.inference_model import InferenceModel
from jaxcovid.inference.out_of_place import Familiar
from jaxcovid.inference.predict import image_files, predict
from jaxcovid.models import build
from jaxcovid.training.evaluation import Evaluated

CODES = np.array([[1, 0], [1, 1]], np.float32)


def network(codes=None):
    variables = {"params": {"fc": jnp.zeros(1)}, "batch_stats": {}}
    model = build(Config().model, 2)
    return InferenceModel(
        "x", "made up", model, variables, ("dark", "light"), codes, (), {}, {}, {}
    )


@pytest.fixture
def computed(monkeypatch):
    """The sizes of batches; the logits are how dark and how light an image is."""
    sizes = []

    def step(params, batch_stats, examples):
        images = np.asarray(examples.images)
        sizes.append(len(images))
        light = images.mean((1, 2, 3)) / 64
        logits = jnp.asarray(np.stack([2 - light, light - 2], 1), jnp.float32)
        # The darker the image, the closer to the first of two directions.
        return Evaluated(logits, None, features=np.stack([4 - light, light], 1))

    monkeypatch.setattr(prediction, "evaluation_of_images", lambda *_, **__: step)
    monkeypatch.setattr(
        prediction,
        "compiled_grad_cam",
        lambda *_: (
            lambda pixels, classes: np.broadcast_to(
                classes[:, None, None], (len(classes), 7, 7)
            ).astype(np.float32)
        ),
    )
    return sizes


def pictures(folder, brightness):
    folder.mkdir(exist_ok=True)
    paths = [folder / f"{place:02d}.png" for place in range(len(brightness))]
    for path, level in zip(paths, brightness, strict=True):
        Image.new("L", (40, 30), level).save(path)
    return paths


def answer_of(brightness):
    logit = 2 * (2 - brightness / 64)
    return 1 / (1 + np.exp(-logit))


SIZES = {"fewer than a batch": 3, "a batch": 4, "a partial batch last": 9}


@pytest.mark.parametrize("case", SIZES)
def test_answers_come_in_the_order_of_the_files(case, computed, tmp_path, monkeypatch):
    monkeypatch.setattr(prediction, "images_together", lambda *_: 4)
    count = SIZES[case]
    brightness = [25 * place for place in range(count)]
    paths = pictures(tmp_path, brightness)[::-1]
    answers = list(predict(network(), paths))
    assert [answer.path for answer in answers] == paths
    assert [answer.problem for answer in answers] == [""] * count
    dark = [float(answer.probabilities[0]) for answer in answers]
    np.testing.assert_allclose(dark, [answer_of(level) for level in brightness[::-1]], rtol=1e-5)
    assert computed == [min(count, 4)] * -(-count // 4)  # one size, so one program
    assert all(answer.heat is None and answer.findings is None for answer in answers)
    assert answers[0].pixels.shape == (224, 224, 1) and answers[0].pixels.dtype == np.uint8


def test_a_file_that_cannot_be_read_is_an_answer_with_its_problem(computed, tmp_path):
    first, broken, last = pictures(tmp_path, [0, 100, 200])
    broken.write_bytes(b"\x89PNG broken")
    gone = tmp_path / "gone.png"
    answers = list(predict(network(), [first, broken, gone, last], explain=True))
    assert [bool(answer.problem) for answer in answers] == [False, True, True, False]
    for answer in answers[1:3]:
        assert (answer.pixels, answer.probabilities, answer.heat) == (None, None, None)
    np.testing.assert_allclose(float(answers[3].probabilities[0]), answer_of(200), rtol=1e-5)


def test_heat_is_of_the_class_that_is_predicted(computed, tmp_path):
    answers = list(predict(network(), pictures(tmp_path, [0, 255]), explain=True))
    assert [float(answer.heat.max()) for answer in answers] == [0, 1]


def test_an_image_unlike_those_of_training_has_a_remark(computed, tmp_path):
    dark = Familiar("layer3", np.array([[1, 0]], np.float32), 0.1, 20, None)
    paths = pictures(tmp_path, [0, 255])
    one, other = predict(network()._replace(familiar=(dark,)), paths)
    assert one.remark == ""
    assert other.remark.startswith("unlike the training images (distance 14.1 times")
    # Two networks of three must say so; without a limit none can.
    both = dark._replace(features=np.array([[1, 0], [0, 1]], np.float32))
    for others, told in (([both, both], False), ([both, dark], True)):
        familiar = (dark, *others)
        _, other = predict(network()._replace(familiar=familiar), paths)
        assert bool(other.remark) == told
    unlimited = network()._replace(familiar=(dark._replace(limit=None),))
    assert [answer.remark for answer in predict(unlimited, paths)] == ["", ""]


def test_codes_answer_and_every_output_is_a_finding(computed, tmp_path):
    # The classes are coded as dark alone, and as dark and light.
    (answer,) = predict(network(CODES), pictures(tmp_path, [0]))
    np.testing.assert_allclose(answer.findings, 1 / (1 + np.exp([-2, 2])), rtol=1e-5)
    assert answer.probabilities.argmax() == 0
    np.testing.assert_allclose(answer.probabilities.sum(), 1, rtol=1e-6)


def test_named_files_stay_and_folders_are_searched(tmp_path):
    inside = pictures(tmp_path / "b", [1, 2])
    (tmp_path / "b" / "notes.txt").write_text("no image")
    alone, gone = *pictures(tmp_path / "a", [3]), tmp_path / "gone.png"
    assert image_files([alone, tmp_path / "b", gone]) == ([alone, *inside, gone], [])


def test_what_cannot_be_listed_is_an_answer_with_its_problem(tmp_path):
    (inside,) = pictures(tmp_path / "b", [1])
    (tmp_path / "b" / "more").symlink_to(tmp_path / "nowhere")
    paths, unlisted = image_files([tmp_path / "b"])
    assert paths == [inside]
    assert [(answer.path.name, answer.probabilities) for answer in unlisted] == [("more", None)]
    assert unlisted[0].problem.startswith("a link that leads nowhere")
    inside.unlink()
    with pytest.raises(InputError, match="more: a link that leads nowhere"):
        image_files([tmp_path / "b"])


EMPTY = {
    "nothing": (lambda folder: [], "none is given"),
    "a folder without images": (lambda folder: [folder], "no image in this folder"),
}


@pytest.mark.parametrize("case", EMPTY)
def test_no_image_is_an_error(case, tmp_path):
    sources, message = EMPTY[case]
    with pytest.raises(InputError, match=message):
        image_files(sources(tmp_path))
