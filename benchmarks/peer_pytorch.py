"""Measures the authors' PyTorch network, from the package `vit-pytorch`.

Started by `speed.py --peer-python`, in an environment of its own with `torch`
and `vit-pytorch`; the protocol is that of `worker.py`.

Reference: https://github.com/lucidrains/vit-pytorch
"""

import contextlib
import importlib.util
import pathlib
import sys
from importlib import metadata

import torch
from worker import serve

PARAMETERS = 283_723  # of the authors' CCT-2/3x2 with 10 classes


def load_cct():
    """Returns the module `vit_pytorch.cct`.

    The package itself would import torchvision, which nothing here needs.
    """
    package = importlib.util.find_spec("vit_pytorch")
    if package is None:
        sys.exit("Install the peer: python -m pip install torch vit-pytorch")
    path = pathlib.Path(package.origin).with_name("cct.py")
    spec = importlib.util.spec_from_file_location("vit_pytorch_cct", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def prepare(case):
    """Returns what `worker.serve` needs for a case of `plan.py`."""
    torch.manual_seed(0)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = load_cct().cct_2(
        kernel_size=3,
        n_conv_layers=2,
        img_size=case["image_size"],
        num_classes=10,
        positional_embedding="learnable",
    )
    count = sum(weight.numel() for weight in model.parameters())
    if count != PARAMETERS:
        sys.exit(
            f"The authors' CCT-2/3x2 has {PARAMETERS:,} parameters; this "
            "vit-pytorch builds another network. "
            f"Received: {count:,} parameters"
        )
    shape = (case["batch"], 3, case["image_size"], case["image_size"])
    images = torch.randn(shape)
    if case["channels_last"]:
        model = model.to(memory_format=torch.channels_last)
        images = images.to(memory_format=torch.channels_last)
    model, images = model.to(device), images.to(device)

    def precision():
        """The context that gives a step its precision."""
        if case["precision"] == "float32":
            return contextlib.nullcontext()
        return torch.autocast(device, dtype=torch.bfloat16)

    make = training if case["task"] == "train" else inference
    network = torch.compile(model) if case["jit_compile"] else model
    facts = {
        "parameters": count,
        "versions": {
            name: metadata.version(name) for name in ("torch", "vit-pytorch")
        },
    }
    return make(network, images, precision), facts


def training(model, images, precision):
    """Returns a function that trains so many steps on the same batch."""
    model.train()
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=0.001, weight_decay=0.0001
    )
    criterion = torch.nn.CrossEntropyLoss(label_smoothing=0.1)
    labels = torch.arange(len(images), device=images.device) % 10

    def run(steps):
        for _ in range(steps):
            optimizer.zero_grad()
            with precision():
                loss = criterion(model(images), labels)
            loss.backward()
            optimizer.step()
        loss.item()  # waits for a device

    return run


def inference(model, images, precision):
    """Returns a function that answers the same images so many times."""
    model.eval()

    def run(steps):
        with torch.inference_mode(), precision():
            for _ in range(steps):
                model(images).float().cpu().numpy()

    return run


if __name__ == "__main__":
    serve(prepare)
