"""The same work in PyTorch and torchvision, as well as a notebook could do it.

Frozen parts stay in evaluation mode and need no gradients, workers of the data loader persist, and
of plain memory, channels-last memory and torch.compile the fastest is taken. Needs torch and
torchvision; knows nothing of jaxcovid.
"""

import argparse
import importlib.util
import json
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from stopwatch import seconds_of, seconds_of_command
from torch import nn

# What of torchvision's networks trains, besides the head.
BLOCKS = {
    ("resnet18", "last_conv"): lambda net: [net.layer4[1].conv2, net.layer4[1].bn2],
    ("resnet18", "last_block"): lambda net: [net.layer4],
    ("vgg16", "last_conv"): lambda net: [net.features[28]],
    ("vgg16", "last_block"): lambda net: [net.features[24:]],
}
HEADS = {"resnet18": ("fc", 512), "vgg16": ("classifier", 25088)}
WORKERS, COMPILED = 2, "torch.compile"
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def import_torchvision():
    """torchvision, also beside a CPU build of torch, for which its operators are not built."""
    try:
        import torchvision
    except RuntimeError:
        spec = importlib.util.find_spec("torchvision")
        source = Path(spec.submodule_search_locations[0], "_meta_registrations.py").read_text()
        names = {*re.findall(r'register_fake\("torchvision::(\w+)"\)', source),
                 *re.findall(r'register_meta\("(\w+)"\)', source)}  # fmt: skip
        global _operators  # must stay referenced
        _operators = torch.library.Library("torchvision", "DEF")
        for name in sorted(names):
            _operators.define(f"{name}(Tensor x) -> Tensor")
        import torchvision
    return torchvision


def network(job: dict, classes: int) -> nn.Module:
    """Torchvision's network with the head of the assignment, frozen but for what is to train."""
    module = getattr(import_torchvision().models, job["model"])()
    if job.get("weights"):
        module.load_state_dict(torch.load(job["weights"], weights_only=True), strict=False)
    name, features = HEADS[job["model"]]
    everything = job["trainable"] == "all"
    module.requires_grad_(everything)
    setattr(module, name, nn.Sequential(
        nn.Linear(features, 320), nn.ReLU(), nn.Linear(320, classes)
    ))  # fmt: skip
    for part in BLOCKS.get((job["model"], job["trainable"]), lambda net: [])(module):
        part.requires_grad_(True)
    return module.to(DEVICE)


def training_mode(module: nn.Module) -> None:
    """Training mode but for batch norms that are frozen."""
    module.train()
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d) and not part.weight.requires_grad:
            part.eval()


def step_function(module: nn.Module, memory: torch.memory_format, compiled=False) -> Callable:
    """One step of SGD on a batch; gives the loss."""
    trainable = [parameter for parameter in module.parameters() if parameter.requires_grad]
    optimizer = torch.optim.SGD(trainable, lr=1e-3, momentum=0.9)
    measure = nn.CrossEntropyLoss()
    module.to(memory_format=memory)
    forward = torch.compile(module) if compiled else module

    def step(images: torch.Tensor, labels: torch.Tensor) -> float:
        images = images.to(DEVICE, memory_format=memory, non_blocking=True)
        optimizer.zero_grad()
        with torch.autocast(DEVICE.type, torch.bfloat16, enabled=DEVICE.type == "cuda"):
            loss = measure(forward(images), labels.to(DEVICE, non_blocking=True))
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def fastest_step(
    module: nn.Module, batch: tuple[torch.Tensor, torch.Tensor], compiled: bool
) -> Callable:
    """Of steps in plain memory, in channels-last memory and compiled, the one that is fastest."""
    settings = {
        "plain memory": (torch.contiguous_format, False),
        "channels-last memory": (torch.channels_last, False),
        COMPILED: (torch.channels_last, True),
    }

    def tried(name: str) -> Callable[[], object]:
        step = step_function(module, *settings[name])
        return lambda: step(*batch)

    names = [name for name in settings if compiled or name != COMPILED]
    return step_function(module, *settings[fastest(names, tried)])


def fastest_forward(module: nn.Module, compiled: bool) -> Callable[[torch.Tensor], torch.Tensor]:
    """The module in channels-last memory, or that compiled if it is faster."""
    module = module.to(memory_format=torch.channels_last).eval()
    images = torch.randn(64, 3, 224, 224, device=DEVICE).to(memory_format=torch.channels_last)
    forwards = {"channels-last memory": module}
    if compiled:
        forwards[COMPILED] = torch.compile(module)
    with torch.inference_mode():
        return forwards[fastest(forwards, lambda name: lambda: forwards[name](images).cpu())]


def fastest(names: Iterable[str], tried: Callable[[str], Callable[[], object]]) -> str:
    """Which of several ways takes least time; torch.compile is left out where it cannot compile."""
    seconds = {}
    for name in names:
        try:
            seconds[name] = least_seconds(tried(name))
        except Exception as error:  # it needs a C++ compiler
            if name != COMPILED:
                raise
            print(f"{COMPILED}: {type(error).__name__}, left out", file=sys.stderr)
    name = min(seconds, key=seconds.__getitem__)
    print(f"PyTorch works with {name}", file=sys.stderr)
    return name


def least_seconds(work: Callable[[], object]) -> float:
    """Of four times that the work is done after a first one."""
    work()
    timed = seconds_of(work)
    return min(timed() for _ in range(4))


def loaders(job: dict, plain: str = "train") -> tuple[Iterable, Iterable, int]:
    """Batches of augmented training images, of plain ones of a split, and the number of classes."""
    torchvision = import_torchvision()
    transforms = torchvision.transforms
    common = [transforms.ToTensor(),
              transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])]  # fmt: skip
    training = [transforms.RandomRotation(30), transforms.RandomResizedCrop(224),
                transforms.RandomHorizontalFlip()]  # fmt: skip
    evaluation = [transforms.Resize(256), transforms.CenterCrop(224)]
    sets = [
        torchvision.datasets.ImageFolder(
            str(Path(job["data"], split)), transforms.Compose([*chosen, *common])
        )
        for split, chosen in (("train", training), (plain, evaluation))
    ]
    classes = len(sets[0].classes)
    chosen = [torch.randperm(len(images))[: job["images"]].tolist() for images in sets]
    sets = [torch.utils.data.Subset(*pair) for pair in zip(sets, chosen, strict=True)]
    common = {"num_workers": WORKERS, "persistent_workers": True}
    return (
        torch.utils.data.DataLoader(sets[0], job["batch"], shuffle=True, **common),
        torch.utils.data.DataLoader(sets[1], 64, **common),
        classes,
    )


def train(job: dict) -> Callable[[], float]:
    """Seconds of an epoch of training, images read and augmented by workers."""
    training, _, classes = loaders(job)
    module = network(job, classes)
    training_mode(module)
    step = fastest_step(module, next(iter(training)), job["compile"])

    def epoch() -> None:
        for images, labels in training:
            step(images, labels)

    return seconds_of(epoch)


def resident(job: dict) -> Callable[[], float]:
    """Seconds of five steps on a batch in memory."""
    module = network(job, 3)
    training_mode(module)
    batch = torch.randn(job["batch"], 3, 224, 224), torch.arange(job["batch"]) % 3
    step = fastest_step(module, batch, job["compile"])

    def steps() -> None:
        for _ in range(5):
            step(*batch)

    return seconds_of(steps)


def predict(job: dict) -> Callable[[], float]:
    """Seconds of predicting image files, read by workers."""
    _, images_to_predict, classes = loaders(job)
    forward = fastest_forward(network(job, classes), job["compile"])
    return seconds_of(lambda: predictions(forward, images_to_predict))


def predictions(module: Callable[[torch.Tensor], torch.Tensor], batches: Iterable) -> torch.Tensor:
    """What a network in evaluation mode says of all batches: the classes' probabilities."""
    with torch.inference_mode():
        return torch.cat([
            module(images.to(DEVICE, memory_format=torch.channels_last)).softmax(1).cpu()
            for images, _ in batches
        ])  # fmt: skip


def evaluate(job: dict) -> Callable[[], float]:
    """Seconds of evaluating images that are prepared and in memory."""
    _, plain, classes = loaders(job)
    batches = list(plain)
    forward = fastest_forward(network(job, classes), job["compile"])
    return seconds_of(lambda: predictions(forward, batches))


def run(job: dict) -> None:
    """A whole run as a notebook has it: epochs, and what the network says of other images."""
    training, validation, classes = loaders(job, "validation")
    module = network(job, classes)
    step = step_function(module, torch.channels_last)
    for number in range(1, job["epochs"] + 1):
        training_mode(module)
        losses = [step(images, labels) for images, labels in training]
        said = predictions(module.eval(), validation)
        print(
            f"epoch {number}: loss {sum(losses) / len(losses):.4f}, {len(said)} images", flush=True
        )


def command(job: dict) -> Callable[[], float]:
    """Seconds of `run` as a command."""
    given = "--help" if "--help" in job["flags"] else json.dumps(job)
    return lambda: seconds_of_command([__file__, given], job["until"])


def pipeline(job: dict) -> Callable[[], float]:
    """Seconds of reading and augmenting an epoch's images."""
    training, _, _ = loaders(job)

    def epoch() -> None:
        for images, _ in training:
            images.to(DEVICE)

    return seconds_of(epoch)


def reading(job: dict) -> Callable[[], float]:
    """Seconds of reading a folder's images for the first time, as an epoch does it."""
    _, plain, _ = loaders(job)
    return seconds_of(lambda: [len(labels) for _, labels in plain])


def convert(job: dict) -> Callable[[], float]:
    """Seconds of reading a .pth file and writing it as another one."""

    def run() -> None:
        state = torch.load(job["weights"], weights_only=True)
        torch.save(state, job["scratch"])

    return seconds_of(run)


JOBS = {
    "evaluate": evaluate,
    "command": command,
    "train": train,
    "resident": resident,
    "predict": predict,
    "pipeline": pipeline,
    "reading": reading,
    "convert": convert,
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A whole run in PyTorch.")
    parser.add_argument("job", type=json.loads)
    run(parser.parse_args().job)
