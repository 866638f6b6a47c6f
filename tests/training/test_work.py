import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcovid import parallel
from jaxcovid.data import loader
from jaxcovid.training import work
from jaxcovid.training.frozen_prefix import Prefix
from jaxcovid.training.step import Totals, TrainState
from jaxcovid.training.work import first_views, training_work
from tests.training.small import config, copied, features, split

DEVICES = parallel.devices(limit=1)
COUNT = 12


def train_step(state, batch):
    """A stand-in for a step that depends on the order of batches and on every example in them."""
    brightness = (batch.images.mean((1, 2, 3)) * batch.mask).sum()
    params = {"mean": state.params["mean"] * 0.9 + brightness}
    totals = Totals(
        brightness,
        batch.mask.sum(),
        (2.0 ** batch.labels.astype(jnp.float32) * batch.mask).sum(),
        batch.mask.sum(),
    )
    return state._replace(step=state.step + 1, params=params), totals


def state():
    return TrainState(
        jnp.int32(0), {"mean": jnp.float32(0)}, {}, (), jax.random.key(0)
    )  # fmt: skip


# The label of each example is its number, so that sums of powers of two tell which were in a step.
TRAIN = split(np.arange(COUNT))


def made(settings, values=None, prefix=None, batch_size=5, groups=None):
    return training_work(settings, TRAIN, values, prefix, train_step, DEVICES, batch_size, groups)


def front(variables, images):
    """A stand-in for frozen stages."""
    return images * variables["params"].get("scale", 1.0)


PREFIX = Prefix("head", front, (224, 224, 3), {"params": {}}, together=32)


def done(job, epoch=1, first=0, start=None):
    """The state after the rest of an epoch, and the totals of each step."""
    now, rows = copied(start or state()), []
    for count, inputs in job.inputs(epoch, first):
        now, totals = job.compiled(now, *inputs, np.int32(epoch))
        steps = np.stack([np.atleast_1d(value) for value in totals], 1)
        assert len(steps) == count
        rows.extend(steps)
    return now, np.array(rows)


@pytest.fixture
def on_devices(monkeypatch):
    """As on accelerators: images lie on the devices, and many steps are one program."""
    monkeypatch.setattr(work, "_resident", lambda *_: True)


def works(**options):
    """Every kind of work, without augmentation."""
    plain = config(augment=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(work, "_resident", lambda *_: True)
        scanned = made(plain, **options)
        behind_prefix = made(plain, prefix=PREFIX, **options)
    return {
        "stepwise": made(plain, **options),
        "behind a prefix": made(plain, prefix=PREFIX, **options),
        "scanned": scanned,
        "scanned behind a prefix": behind_prefix,
        "on features": made(plain, features(np.arange(COUNT), (1, 1, 3)), **options),
    }


WORKS = works()


@pytest.mark.parametrize("kind", WORKS)
@pytest.mark.parametrize("epoch", [1, 2])
def test_an_epoch_takes_each_example_exactly_once(kind, epoch):
    after, totals = done(WORKS[kind], epoch)
    assert int(after.step) == len(totals) == 3
    assert totals[:, 3].tolist() == [5, 5, 2]  # padding counts nothing
    taken = [int(value) for value in totals[:, 2]]
    assert sum(taken) == 2**COUNT - 1
    assert [value.bit_count() for value in taken] == [5, 5, 2]


@pytest.mark.parametrize("kind", WORKS)
def test_batches_are_those_of_seed_and_epoch(kind):
    order = loader.epoch_order(0, 2, COUNT)
    expected = [sum(1 << int(index) for index in order[at : at + 5]) for at in (0, 5, 10)]
    assert done(WORKS[kind], 2)[1][:, 2].tolist() == expected


@pytest.mark.parametrize("kind", WORKS)
def test_images_of_groups_are_drawn_again_and_again(kind):
    groups = np.array([0] * 10 + [1] * 2)
    order = loader.epoch_order(0, 1, COUNT, groups)
    drawn = order % COUNT
    assert max(np.bincount(drawn)) == 3
    expected = [sum(2 ** int(index) for index in drawn[at : at + 5]) for at in (0, 5, 10)]
    _, totals = done(works(groups=groups)[kind])
    assert totals[:, 2].tolist() == expected
    if kind == "stepwise":
        of_images = np.asarray(loader.normalise(TRAIN.evaluation)).mean((1, 2, 3))
        sums = [of_images[drawn[at : at + 5]].sum() for at in (0, 5, 10)]
        np.testing.assert_allclose(totals[:, 0], sums, rtol=1e-5)


@pytest.mark.parametrize("kind", WORKS)
def test_an_epoch_goes_on_from_any_step(kind):
    job = WORKS[kind]
    whole, totals = done(job)
    for first in (1, 2):
        now = state()
        for inputs in [inputs for _, inputs in WORKS["stepwise"].inputs(1, 0)][:first]:
            now, _ = WORKS["stepwise"].compiled(now, *inputs, np.int32(1))
        if kind == "on features":
            now = state()
        rest, late = done(job, 1, first, now)
        # Programs of other lengths may round otherwise.
        tolerance = 1e-5 if "scanned" in kind else 0
        np.testing.assert_allclose(late, totals[first:], rtol=tolerance)
        if kind != "on features":
            np.testing.assert_allclose(rest.params["mean"], whole.params["mean"], rtol=1e-6)


@pytest.mark.parametrize("kind", ["scanned", "behind a prefix", "scanned behind a prefix"])
def test_others_equal_stepwise(kind):
    one, other = (done(WORKS[of]) for of in ("stepwise", kind))
    np.testing.assert_allclose(other[1], one[1], rtol=1e-5)
    np.testing.assert_allclose(other[0].params["mean"], one[0].params["mean"], rtol=1e-5)


@pytest.mark.parametrize("most", [1, 3, 5, 10, 15, 32])
def test_frozen_stages_see_the_images_of_several_steps(most):
    """However many these are: the steps are the same."""
    shapes = []

    def outputs(variables, images):
        shapes.append(images.shape[0])
        return front(variables, images)

    prefix = Prefix("head", outputs, (224, 224, 3), {"params": {"scale": 2.0}}, together=most)
    job = made(config(augment=False), prefix=prefix)
    _, totals = done(job)
    assert set(shapes) == {5 * {1: 1, 3: 1, 5: 1, 10: 2, 15: 3, 32: 3}[most]}
    np.testing.assert_allclose(totals[:, 1:], done(WORKS["stepwise"])[1][:, 1:])
    np.testing.assert_allclose(totals[:, 0], 2 * done(WORKS["stepwise"])[1][:, 0], rtol=1e-5)


SCANS = {  # checkpoint_every, epoch, first step: how many of 12 steps are made at a time
    "no checkpoints": (None, 1, 0, [8, 4]),
    "from a step on": (None, 1, 5, [4, 2, 1]),
    "up to each checkpoint": (5, 1, 0, [4, 1, 4, 1, 2]),
    "counted through epochs": (5, 2, 0, [2, 1, 4, 1, 4]),
    "every step": (1, 1, 9, [1, 1, 1]),
}


@pytest.mark.usefixtures("on_devices")
@pytest.mark.parametrize("case", SCANS)
def test_scans_are_powers_of_two_and_stop_at_checkpoints(case):
    every, epoch, first, expected = SCANS[case]
    job = made(config(augment=False, checkpoint_every=every), batch_size=1)
    assert [count for count, _ in job.inputs(epoch, first)] == expected


@pytest.mark.usefixtures("on_devices")
@pytest.mark.parametrize("prefix", [None, PREFIX], ids=["images", "behind a prefix"])
def test_the_loop_on_devices_transfers_nothing(prefix):
    """What an accelerator would wait for: pixels from the host, or a call or a number back."""
    job = made(config(), prefix=prefix)
    given = [inputs for _, inputs in job.inputs(1, 0)]
    now, epoch = copied(state()), jnp.int32(1)
    program = job.compiled.lower(now, *given[0], epoch).as_text()
    assert "stablehlo.while" in program
    for transfer in (
        "infeed",
        "outfeed",
        "stablehlo.send",
        "stablehlo.recv",
        "callback",
        "to_host",
    ):
        assert transfer not in program
    # From call to call only places of images and masks are new; the pixels stay where they are.
    assert all(data is given[0][0] for data, _ in given)
    with jax.transfer_guard("disallow_explicit"):
        for data, places in given:
            now, _ = job.compiled(now, data, places, epoch)
    assert int(now.step) == 3


def test_views_take_turns():
    values = features(np.arange(COUNT), (1, 1, 3), views=2)
    job = made(config(views=2), values)
    sums = [done(job, epoch)[1][:, 0].sum() for epoch in (1, 2, 3)]
    expected = [values.views[view].mean((1, 2, 3)).sum() for view in (0, 1, 0)]
    np.testing.assert_allclose(sums, expected, rtol=1e-5)
    values = values._replace(views=values.views[:0])
    plain = done(made(config(views=2, augment=False), values))[1][:, 0].sum()
    np.testing.assert_allclose(plain, values.evaluation.mean((1, 2, 3)).sum(), rtol=1e-5)


def test_features_of_half_precision_are_trained_on_in_single_precision():
    values = features(np.arange(COUNT), (1, 1, 3))
    half = values._replace(evaluation=values.evaluation.astype(np.float16))
    after, totals = done(made(config(augment=False), half))
    assert after.params["mean"].dtype == jnp.float32
    np.testing.assert_allclose(totals, done(WORKS["on features"])[1], rtol=5e-2, atol=1e-2)


def test_images_are_trained_on_normalised():
    totals = done(WORKS["stepwise"])[1]
    images = np.asarray(loader.normalise(TRAIN.evaluation))
    np.testing.assert_allclose(totals[:, 0].sum(), images.mean((1, 2, 3)).sum(), rtol=1e-5)


def test_augmented_images_are_those_of_seed_and_epoch(monkeypatch):
    """Also where the images lie on the devices."""
    monkeypatch.setattr(
        loader,
        "training_images",
        lambda examples, key, epoch, _: (
            loader.normalise(examples.images)
            * (epoch.astype(jnp.float32) + jax.random.uniform(key))
        ),
    )
    plain = done(WORKS["stepwise"])[1][:, 0].sum()
    sums = []
    for resident in (False, True):
        monkeypatch.setattr(work, "_resident", lambda *_, resident=resident: resident)
        job = made(config(views=0, seed=3))
        sums.append([done(job, epoch)[1][:, 0].sum() for epoch in (1, 2)])
    drawn = float(jax.random.uniform(loader.purpose_key(3, loader.AUGMENT)))
    np.testing.assert_allclose(sums, [[plain * (1 + drawn), plain * (2 + drawn)]] * 2, rtol=1e-5)


def test_first_views_are_the_first_images_of_the_first_epoch():
    train = split(np.arange(COUNT), size=(224, 224))
    order = loader.epoch_order(0, 1, COUNT)
    expected = np.asarray(loader.normalise(train.evaluation))[order]
    np.testing.assert_array_equal(first_views(config(augment=False), train, 5), expected[:5])
    np.testing.assert_array_equal(first_views(config(augment=False), train, 12), expected[:8])
