"""Files that real torch writes are read as it reads them, and it reads what is written here."""

import json

import numpy as np
import pytest

import weights_convert
from tests.parity.test_training import torch_model
from tests.small_network import PUBLISHED
from tests.weights_convert import assemble
from weights_convert.digest import content_digest

pytestmark = pytest.mark.parity


def equal(ours, theirs):
    assert list(ours) == list(theirs)
    for name, tensor in theirs.items():
        # NumPy has no bfloat16 that torch knows; every bit of it fits into float64.
        wide = ours[name].astype(np.float64)
        np.testing.assert_array_equal(wide, tensor.detach().double().numpy(), err_msg=name)
        assert ours[name].dtype.name == str(tensor.dtype).removeprefix("torch.")


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(
    ("name", "kind"),
    [("vgg16", "float32"), ("resnet34", "float32"), *(("resnet18", kind) for kind in ("float32", "float16", "bfloat16", "float64"))],
)  # fmt: skip
def test_what_torch_writes_reads_equal(torch, torchvision, tmp_path, name, zipped, kind):
    model = torch_model(torch, torchvision, name).to(getattr(torch, kind))
    path = tmp_path / "file.pth"
    torch.save(model.state_dict(), path, _use_new_zipfile_serialization=zipped)
    equal(weights_convert.load(path), torch.load(path, weights_only=True))


def test_the_oldest_container_reads_as_torch_reads_it(torch, tmp_path):
    rng = np.random.default_rng(0)
    arrays = {"weight": rng.normal(size=(4, 3, 2)), "bias": rng.normal(size=4)}
    arrays = {name: array.astype(np.float32) for name, array in arrays.items()}
    items = {
        name: assemble.text(str(index)) + assemble.PERSISTENT for index, name in enumerate(arrays)
    }
    path = tmp_path / "file.pth"
    path.write_bytes(assemble.tarred(arrays, assemble.pickled(assemble.mapping(items))))
    theirs = torch.load(path, weights_only=False)
    equal(weights_convert.load(path), theirs)
    # A Parameter, as the published files of that time hold.
    path.write_bytes(assemble.tarred(arrays))
    equal(weights_convert.load(path), theirs)


WRAPPED = {
    "bare": lambda state: state,
    "state_dict": lambda state: {"state_dict": state, "epoch": 3},
    "model": lambda state: {"model": state},
    "DataParallel": lambda state: {f"module.{name}": value for name, value in state.items()},
    "compiled": lambda state: {f"_orig_mod.{name}": value for name, value in state.items()},
    "both": lambda state: {f"module._orig_mod.{name}": value for name, value in state.items()},
}


@pytest.mark.parametrize("case", WRAPPED)
@pytest.mark.parametrize("zipped", [True, False])
def test_what_people_save(torch, tmp_path, case, zipped):
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    path = tmp_path / "file.pth"
    torch.save(WRAPPED[case](model.state_dict()), path, _use_new_zipfile_serialization=zipped)
    equal(weights_convert.load(path), model.state_dict())


def test_a_checkpoint_with_an_optimizer_beside(torch, tmp_path):
    model = torch.nn.Linear(3, 2)
    update = torch.optim.Adam(model.parameters())
    model(torch.ones(1, 3)).sum().backward()
    update.step()
    path = tmp_path / "file.pth"
    checkpoint = {
        "state_dict": {
            name: torch.nn.Parameter(value) for name, value in model.state_dict().items()
        },
        "optimizer": update.state_dict(),
        "best": np.float64(0.5),
        "size": torch.Size([3]),
        "device": torch.device("cpu"),
    }
    torch.save(checkpoint, path)
    weights = weights_convert.read(path)
    equal(weights.arrays, model.state_dict())
    assert any("'optimizer', a dict" in note for note in weights.notes)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_model_object_is_refused_with_advice(torch, tmp_path, zipped):
    path = tmp_path / "file.pth"
    torch.save(torch.nn.Linear(3, 2), path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(weights_convert.FormatError, match=r"model object.*state_dict"):
        weights_convert.load(path)


@pytest.mark.parametrize("zipped", [True, False])
def test_views_and_strides_are_honoured(torch, tmp_path, zipped):
    whole = torch.arange(60.0).reshape(4, 5, 3)
    views = {
        "transposed": whole.permute(2, 0, 1),
        "part": whole[1:3, ::2, 1],
        "shared": whole[0],
        "empty": whole[:0],
        "scalar": whole[3, 2, 1],
    }
    torch.save(views, tmp_path / "file.pth", _use_new_zipfile_serialization=zipped)
    equal(weights_convert.load(tmp_path / "file.pth"), views)


@pytest.mark.parametrize("name", PUBLISHED)
def test_torch_reads_what_is_written_here(torch, torchvision, tmp_path, name):
    model = torch_model(torch, torchvision, name)
    arrays = {key: value.numpy() for key, value in model.state_dict().items()}
    weights_convert.save(tmp_path / "file.pth", arrays)
    for mmap in (False, True):
        state = torch.load(tmp_path / "file.pth", weights_only=True, mmap=mmap)
        assert all(torch.equal(state[key], value) for key, value in model.state_dict().items())
        model.load_state_dict(state, strict=True)
    variables = weights_convert.torch_to_flax(weights_convert.load(tmp_path / "file.pth"))
    back = weights_convert.flax_to_torch(variables)
    for key, value in arrays.items():
        assert back[key].tobytes() == value.tobytes(), key


def test_torch_ignores_the_metadata_that_it_is_given(torch, tmp_path):
    path = tmp_path / "file.pth"
    arrays = {"weight": np.arange(6, dtype=np.float32).reshape(2, 3)}
    weights_convert.save(path, arrays, {"classes": '["a", "b"]'})
    for mmap in (False, True):
        state = torch.load(path, weights_only=True, mmap=mmap)
        assert list(state) == ["weight"]
        np.testing.assert_array_equal(state["weight"].numpy(), arrays["weight"])
    reader = torch._C.PyTorchFileReader(str(path))
    stated = json.loads(reader.get_record("extra/metadata.json"))
    assert stated.pop("sha256") == content_digest(arrays, stated)
    assert stated == {"classes": '["a", "b"]'}


def test_a_program_with_extra_files_is_still_a_program(torch, tmp_path):
    writer = torch._C.PyTorchFileWriter(str(tmp_path / "file.pth"))
    for name, content in (
        ("data.pkl", b"x"),
        ("constants.pkl", b"x"),
        ("extra/metadata.json", b"{}"),
    ):
        writer.write_record(name, content, len(content))
    writer.write_end_of_file()
    with pytest.raises(weights_convert.FormatError, match="TorchScript"):
        weights_convert.load(tmp_path / "file.pth")


@pytest.mark.filterwarnings("ignore:.*quantize_per_tensor", "ignore:Sparse CSR")
def test_what_torch_saves_beside_weights_is_read_past(torch, tmp_path):
    import argparse
    import collections
    import datetime
    import pathlib

    values = {
        "Namespace": argparse.Namespace(lr=1),
        "Counter": collections.Counter("ab"),
        "sets": [{1}, frozenset({2})],
        "bytes": [b"\xff", bytearray(b"a"), 1j],
        "paths": [pathlib.Path("a"), pathlib.PurePosixPath("b"), pathlib.PureWindowsPath("c")],
        "arrays": [np.arange(3.0), np.array(["a"]), np.float32(1), np.dtype("f4")],
        "torch's": [torch.float8_e5m2, torch.strided, torch.device("cpu"), torch.Size([1])],
        "times": [datetime.datetime.now(datetime.UTC), datetime.timedelta(1)],
        "dicts": [collections.defaultdict(int, {"a": 1}), collections.deque([1])],
        "keys": {(1, 2): 3, torch.float32: 4, 2**70: 5},
        "version": torch.__version__,
        "quantised": torch.quantize_per_tensor(torch.zeros(2), 0.1, 0, torch.qint8),
        "by channel": torch.quantize_per_channel(
            torch.zeros(2, 2), torch.ones(2), torch.zeros(2), 0, torch.qint8
        ),
        "others": [
            torch.zeros(2, dtype=torch.complex64),
            torch.zeros(2, dtype=torch.uint16),
            torch.zeros(2).to(torch.float8_e4m3fn),
            torch.eye(2).to_sparse(),
            torch.eye(2).to_sparse_csr(),
            torch.zeros(2, device="meta"),
        ],
    }
    weight = torch.arange(6.0)
    for name, value in values.items():
        torch.save({"model": {"weight": weight}, name: value}, tmp_path / "file.pth")
        weights = weights_convert.read(tmp_path / "file.pth")
        equal(weights.arrays, {"weight": weight})
        assert any(f"'{name}'" in note or f'"{name}"' in note or name in note
                   for note in weights.notes), name  # fmt: skip


UNREAD = {
    "float8": lambda torch: torch.zeros(2).to(torch.float8_e4m3fn),
    "uint16": lambda torch: torch.zeros(2, dtype=torch.uint16),
    "uint64": lambda torch: torch.zeros(2, dtype=torch.uint64),
    "complex64": lambda torch: torch.zeros(2, dtype=torch.complex64),
    "qint8": lambda torch: torch.quantize_per_tensor(torch.zeros(2), 0.1, 0, torch.qint8),
    "sparse": lambda torch: torch.eye(2).to_sparse(),
    "negated": lambda torch: torch._neg_view(torch.ones(2)),
}


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("case", UNREAD)
def test_weights_of_kinds_that_are_not_read_are_refused_by_name(torch, tmp_path, case, zipped):
    state = {"a.weight": torch.zeros(2), "b.weight": UNREAD[case](torch)}
    path = tmp_path / "file.pth"
    torch.save(state, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(weights_convert.FormatError, match=rf"its weights b\.weight hold {case}"):
        weights_convert.load(path)
    torch.save({"a.weight": torch.zeros(2), "scale": state["b.weight"]}, path,
               _use_new_zipfile_serialization=zipped)  # fmt: skip
    assert list(weights_convert.load(path)) == ["a.weight"]


def test_values_are_those_that_torch_shows(torch, tmp_path):
    named = torch.arange(3.0)
    named.note = "a tensor with an attribute"
    state = {
        "expanded": torch.arange(2.0)[:, None].expand(2, 5),
        "of one": torch.ones(1).expand(64),
        "of an attribute": named,
        "trained": torch.nn.Parameter(torch.arange(4.0)),
    }
    torch.save({**state, "epoch": 3}, tmp_path / "file.pth")
    equal(weights_convert.load(tmp_path / "file.pth"), state)


@pytest.mark.filterwarnings("ignore:.*torch.jit")
@pytest.mark.parametrize("case", ["script", "many tensors", "large name"])
def test_genuine_archives_are_told_from_spoiled_ones(torch, tmp_path, case):
    path = tmp_path / "a file's name.pth"
    state = {"weight": torch.arange(6.0)}
    if case == "script":
        torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), path)
        with pytest.raises(weights_convert.FormatError, match="TorchScript"):
            weights_convert.load(path)
        return
    if case == "many tensors":
        state = {f"{i}.weight": torch.full((2,), float(i)) for i in range(2000)}
    if case == "large name":
        path = tmp_path / "größe.pth"
    torch.save(state, path)
    equal(weights_convert.load(path), state)
