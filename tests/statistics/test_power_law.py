"""What more patients would bring: the law is found again, its intervals hold, and doubts are told."""

import numpy as np
import pytest

from jaxcovid.statistics.power_law import FARTHEST, PowerLaw, fitted, forecast

PATIENTS = (36, 72, 144, 288, 576)
LAWS = {
    "slow": PowerLaw(0.05, 0.6, 0.3),
    "fast": PowerLaw(0.1, 4.0, 0.8),
    "no floor": PowerLaw(0.0, 1.0, 0.5),
}


@pytest.mark.parametrize("case", LAWS)
def test_an_exact_law_is_found_again(case):
    law = LAWS[case]
    found = fitted(PATIENTS, [law(size) for size in PATIENTS])
    for size in (*PATIENTS, 2 * PATIENTS[-1]):
        assert found(size) == pytest.approx(law(size), abs=1e-3)


def noisy(law, seed, spread=0.01, draws=3, resamples=60):
    """Errors with noise of draws and of test patients, and resamples of the latter."""
    generator = np.random.default_rng(seed)
    exact = np.array([law(size) for size in PATIENTS])[:, None]
    own = generator.normal(0, spread, (len(PATIENTS), draws))
    common = generator.normal(0, spread)
    errors = exact + own + common
    resampled = errors[None] + generator.normal(0, spread, (resamples, 1, 1))
    return errors, resampled


@pytest.mark.parametrize("case", LAWS)
def test_intervals_of_gains_hold_the_truth(case):
    law, held = LAWS[case], 0
    for seed in range(40):
        said = forecast(PATIENTS, *noisy(law, seed), seed=seed)
        value, low, high = said.gains[2]
        assert low <= high and value > -1e-9
        held += low <= law(576) - law(1152) <= high
    assert held >= 34  # 85 % at least: intervals of parameters of five points are a little short


def test_the_same_seed_gives_the_same_forecast():
    errors, resampled = noisy(LAWS["slow"], 0)
    assert forecast(PATIENTS, errors, resampled) == forecast(PATIENTS, errors, resampled)


def test_without_the_largest_set_the_law_is_put_to_the_test():
    errors, resampled = noisy(LAWS["slow"], 0, spread=1e-6)
    expected, measured = forecast(PATIENTS, errors, resampled).held_back
    assert expected == pytest.approx(measured, abs=2e-3)


def curve(errors, spread=0.002):
    generator = np.random.default_rng(0)
    errors = np.array(errors)[:, None] + generator.normal(0, spread, (5, 3))
    return errors, errors[None] + generator.normal(0, spread, (60, 1, 1))


DOUBTS = {
    "growing": ([0.1, 0.11, 0.12, 0.13, 0.14], "does not fall with the number"),
    "flat": ([0.1002, 0.1001, 0.1, 0.1, 0.1], "flat within its noise"),
    "a turn": ([0.30, 0.295, 0.29, 0.20, 0.10], "as a power law does"),
    "a cliff": ([0.4, 0.4, 0.4, 0.1, 0.1], "do not fall as a power law does"),
}


@pytest.mark.parametrize("case", DOUBTS)
def test_where_the_law_does_not_fit_it_says_so(case):
    errors, words = DOUBTS[case]
    assert words in forecast(PATIENTS, *curve(errors)).doubt


def test_a_curve_that_falls_is_not_doubted():
    said = forecast(PATIENTS, *noisy(LAWS["slow"], 0, spread=0.002))
    assert said.doubt == "" and set(said.gains) == {2, FARTHEST}
    assert said.gains[FARTHEST][0] > said.gains[2][0] > 0


def test_too_few_sizes_give_no_law():
    said = forecast((10, 20), np.full((2, 3), 0.2), np.full((9, 2, 3), 0.2))
    assert said.law is None and said.gains == {} and said.doubt == "no power law fits"
    assert fitted(PATIENTS, [np.nan] * 5) is None
