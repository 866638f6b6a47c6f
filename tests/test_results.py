"""Plain records: below all that makes them, and in the form that files and pages rely on."""

import ast
from pathlib import Path

from jaxcovid import results
from jaxcovid.results import Epoch, FreezeAudit


def test_they_need_nothing_of_the_package():
    tree = ast.parse(Path(results.__file__).read_text())
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not any(module.startswith("jaxcovid") for module in modules)


def test_an_epoch_is_a_line_of_history_csv():
    """The header is contract: scripts read it."""
    assert Epoch._fields == (
        "epoch", "step", "lr", "train_loss", "train_accuracy", "validation_loss",
        "validation_accuracy", "seconds", "images_per_second",
    )  # fmt: skip


def test_the_freeze_audit_is_part_of_metrics_json():
    assert set(FreezeAudit._fields) >= {"frozen_unchanged", "frozen_leaves", "trainable_changed"}
