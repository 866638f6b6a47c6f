"""What is said of images that are referred follows from the figures."""

from jaxcovid.report.referral import referral_content
from tests.report import example


def test_the_sentence_is_about_the_largest_share_and_all():
    results = example.results(example.dataset({"validation": 40, "test": 40}))
    metrics = results.splits[results.main].metrics
    content = referral_content(results)
    assert content["sentence"].startswith(
        "If the 20 % of the test images of which it is least sure were left to a reader, accuracy "
        f"of the others would be {metrics['referral']['20']['accuracy']:.3f} ("
    )
    assert f"against {metrics['accuracy']:.3f} (" in content["sentence"]
    assert [row[:2] for row in content["table"]["rows"]] == [
        ["5 %", 38], ["10 %", 36], ["20 %", 32]
    ]  # fmt: skip
    rows = zip(content["table"]["rows"], content["classes"]["rows"], strict=True)
    for (row, of_classes), of_share in zip(rows, metrics["referral"].values(), strict=True):
        for name, said in zip(results.classes, of_classes[1:], strict=True):
            support = metrics["per_class"][name]["support"]
            assert said == f"{of_share['referred'][name]} of {support}"
        assert row[3] == f"{of_share['below']:.6g}"


def test_without_figures_nothing_is_said():
    results = example.results(example.dataset({"test": 20}), with_training=False)
    split = results.splits["test"]
    older = {name: value for name, value in split.metrics.items() if name != "referral"}
    for metrics in (None, older):
        bare = results._replace(splits={"test": split._replace(metrics=metrics)})
        assert referral_content(bare) is None
