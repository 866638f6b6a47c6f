"""Settings that cannot be are refused, all at once, each by its name."""

import math
from pathlib import Path

import pytest

from jaxcovid.config import Config
from jaxcovid.config_problems import problems


def test_the_defaults_are_sound():
    assert problems(Config()) == []


# Settings, and the problem; where it says "is not", what the value is not.
COUNTS = ("epochs", "batch_size", "patience", "eval_batch_size", "limit_train", "checkpoint_every")
ABOVE_0 = ("lr", "backbone_lr")
NOT_BELOW_0 = ("weight_decay", "warmup_epochs", "focal_gamma")
REFUSED = {
    **{f"{name} 0": ({name: 0}, f"`{name}`: 0 is not a whole number of at least 1") for name in COUNTS},
    "a head without width": ({"head": (8, 0)}, "`head`: 0 is not a whole number of at least 1"),
    **{
        f"{name} {value}": ({name: value}, f"`{name}`: {value} is not a number above 0")
        for name in ABOVE_0
        for value in (0.0, -1.0, math.nan, math.inf)
    },
    **{
        f"focal_alpha {value}": ({"focal_alpha": (1.0, value)}, f"`focal_alpha`: {value} is not a number above 0")
        for value in (0.0, -1.0, math.nan, math.inf)
    },
    **{
        f"{name} {value}": ({name: value}, f"`{name}`: {value} is not 0 or a number above")
        for name in NOT_BELOW_0
        for value in (-1.0, math.nan)
    },
    "longer warm-up than training": (
        {"epochs": 2, "warmup_epochs": 2.5}, "`warmup_epochs`: 2.5 is not at most `epochs` (2)",
    ),
    **{
        f"{name} {value}": ({name: value}, f"`{name}`: {value} is not at least 0 and below 1")
        for name in ("momentum", "dropout")
        for value in (1.0, -0.1, math.nan)
    },
    "one share": ({"split": (80.0,)}, "`split`: 1 share(s); give those of training, validation and"),
    "four shares": ({"split": (70.0, 10.0, 10.0, 10.0)}, "`split`: 4 share(s)"),
    **{
        f"a share of {value}": ({"split": (80.0, value)}, f"`split`: {value} is not a number above 0")
        for value in (0.0, -1.0, math.nan, math.inf)
    },
    "shares without a sum": ({"split": (1e308,) * 3}, "`split`: the shares are too large to be added"),
    "one fold": ({"folds": 1}, "`folds`: 1 leaves nothing to train on"),
    "a fold of none": ({"fold": 1}, "`fold`: say of how many it is one (`folds`)"),
    "no such fold": ({"folds": 5, "fold": 6}, "`fold`: 6 is not one of 5 `folds`"),
    "shares beside folds": ({"folds": 5, "split": (70.0, 15.0, 15.0)}, "`split`: each fold measures the images"),
    "folds of splits drawn again": ({"folds": 5, "resplit": True}, "`resplit`: `folds` draws anew in any case"),
    "views below 0": ({"views": -1}, "`views`: -1 is not 0 or above"),
    "seed below 0": ({"seed": -1}, "`seed`: -1 is not a whole number from 0 to 4,294,967,295"),
    "no operating point": (
        {"operating_point": ("a:0.9",)}, "`operating_point`: 'a:0.9' is not CLASS:sensitivity=NUMBER",
    ),
    "split seed below 0": ({"split_seed": -1}, "`split_seed`: -1 is not a whole number from 0"),
    "seeds beyond the largest": (
        {"seed": 2**32 - 2, "seeds": 3}, "`seeds`: 3 from 4294967294 on go beyond 4,294,967,295",
    ),
    "too large a seed": ({"seed": 2**32}, "`seed`: 4294967296 is not a whole number from 0 to"),
    "a negative budget": ({"memory_budget": -1.0}, "`memory_budget`: -1.0 is not 0 or above"),
    "a budget that is none": ({"memory_budget": math.nan}, "`memory_budget`: nan is not 0 or above"),
    "several findings of one class": (
        {"multilabel": ("a=a+b",)},
        "`multilabel`: cross_entropy knows one class per image; give `loss=bce` or focal",
    ),
    "nothing trains": ({"trainable": ","}, "`trainable`: empty; use head, last_conv"),
    "one number of processes": (
        {"num_processes": 2}, "`num_processes` and `process_id` belong together; give both",
    ),
    "processes without a coordinator": (
        {"num_processes": 2, "process_id": 0},
        "`num_processes`: give `coordinator` too, process 0's host:port",
    ),
    "a process too many": (
        {"num_processes": 2, "process_id": 2, "coordinator": "h:1"},
        "`process_id`: 2 is not from 0 to below `num_processes` (2)",
    ),
    "a coordinator alone": (
        {"coordinator": "h:1"}, "`coordinator`: give `num_processes` and `process_id` too",
    ),
    **{
        f"coordinator {address}": (
            {"coordinator": address, "num_processes": 1, "process_id": 0},
            f"`coordinator`: {address} is not host:port",
        )
        for address in ("h", "h:", "h:0", "h:65536", "h:x")
    },
    **{
        f"{name} that is no text": ({name: "x\udcff"}, f"`{name}`: 'x\\udcff' holds characters that are no text")
        for name in ("data", "weights")
    },
    "an output that is no text": ({"output": Path("x\udcff")}, "`output`: 'x\\udcff' holds characters"),
    "an output that exists": ({"output": Path("/")}, "`output`: / exists; give a new folder"),
    "resumed elsewhere": (
        {"resume": Path("a"), "output": Path("b")}, "`output`: a resumed run stays in its own folder",
    ),
    **{
        f"weights_file {name!r}": (
            {"weights_file": name}, f"`weights_file`: {name!r} is not a plain file name that ends in .pth",
        )
        for name in (
            "", ".pth", "weights.pth", "Weights.PTH", "a.bin", "../a.pth", "a/b.pth", "a" * 200 + ".pth", "\udcff.pth",
        )
    },
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_refused(case):
    settings, expected = REFUSED[case]
    (problem,) = problems(Config(**settings))
    assert problem.startswith(expected)
    problem.encode()


ALLOWED = {
    "no head": {"head": ()},
    "processes": {"num_processes": 2, "process_id": 1, "coordinator": "h:65535"},
    "found by itself": {"coordinator": "auto"},
    "resumed": {"resume": Path("/"), "output": Path("/")},
    "the largest seed": {"seed": 2**32 - 1},
    "seeds to the largest": {"seed": 2**32 - 2, "seeds": 2},
    "no memory": {"memory_budget": 0.0},
    "findings": {"loss": "bce", "multilabel": ("a=a+b",)},
    "another name": {"weights_file": "vgg16_FC_Only.pth"},
    "globs": {"trainable": "layer4.*, fc.*"},
}


@pytest.mark.parametrize("case", ALLOWED)
def test_what_can_be_is_allowed(case):
    assert problems(Config(**ALLOWED[case])) == []


def test_all_problems_are_told_at_once():
    wrong = Config(epochs=0, lr=math.nan, head=(0,), limit_train=0, eval_batch_size=0, seed=-1)
    listed = " ".join(problems(wrong))
    assert all(
        f"`{name}`: " in listed
        for name in ("epochs", "lr", "head", "limit_train", "eval_batch_size", "seed")
    )
