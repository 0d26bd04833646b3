"""What a GPU loses to everything around its model: for a GPU machine, with torch and numpy alone (`python gpu_pipeline.py`).

A ResNet-50-class network, and images of 16 bits as a detector gives them. Measured in one process, in turn:
  bare : the network on tensors that lie on the device already
  ring : 16-bit images from host memory through a ring of pinned buffers, copied on a stream of their own, windowed and resized on
      the device, the network on another stream, scores back
  plain : the same without ring and streams: pageable memory, one after the other
Printed are images a second, the ratios to bare, and the share of the time in which the device was busy (by nvidia-smi). With
onnxruntime-gpu installed, its CUDA provider is measured bare too, with inputs bound on the device.
`--device cpu` runs the same code without streams, to see that it works; its numbers mean nothing.
"""

from __future__ import annotations

import argparse
import io
import json
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from torch import nn


class Bottleneck(nn.Module):
    def __init__(self, inside: int, width: int, stride: int) -> None:
        super().__init__()
        out = 4 * width
        self.body = nn.Sequential(
            nn.Conv2d(inside, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True),
            nn.Conv2d(width, out, 1, bias=False), nn.BatchNorm2d(out),
        )  # fmt: skip
        same = stride == 1 and inside == out
        self.past = (
            nn.Identity() if same else nn.Sequential(nn.Conv2d(inside, out, 1, stride, bias=False), nn.BatchNorm2d(out))
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.body(x) + self.past(x))


def network(*, channels: int = 1) -> nn.Module:
    """ResNet-50 (doi:10.1109/CVPR.2016.90) of one channel and one logit, with weights drawn from a seed."""
    torch.manual_seed(1)
    layers: list[nn.Module] = [nn.Conv2d(channels, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True)]
    layers.append(nn.MaxPool2d(3, 2, 1))
    inside = 64
    for width, count, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for block in range(count):
            layers.append(Bottleneck(inside, width, stride if block == 0 else 1))
            inside = 4 * width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inside, 1)).eval()


def prepared(images: torch.Tensor, size: int, *, center: float = 2048.0, width: float = 4096.0) -> torch.Tensor:
    """16-bit (n, y, x) on the device → (n, 1, size, size) float32: the linear window of PS3.3 C.11.2.1.2, bilinear, antialiased."""
    # Bits above 15 would turn negative in int16, which is what torch converts fastest; detectors have 14 at most.
    grey = ((images.to(torch.float32) - (center - 0.5)) / (width - 1) + 0.5).clamp_(0, 1)
    return nn.functional.interpolate(grey[:, None], (size, size), mode="bilinear", align_corners=False, antialias=True)


@dataclass(slots=True)
class Slot:
    """One buffer of the ring. copied : the copy to the device is done; used : the network is done with it."""

    host: torch.Tensor
    device: torch.Tensor
    copied: Any
    used: Any


class Ring:
    """Pinned buffers in turn: while the network works on one, the next is on its way and the one after is being filled."""

    def __init__(self, shape: tuple[int, ...], device: str, slots: int = 4) -> None:
        self.cuda = device == "cuda"
        self.copying = torch.cuda.Stream() if self.cuda else None
        self.slots = [self._slot(shape, device) for _ in range(slots)]
        self.place = 0

    def _slot(self, shape: tuple[int, ...], device: str) -> Slot:
        host = torch.empty(shape, dtype=torch.int16, pin_memory=self.cuda)
        events = (torch.cuda.Event(), torch.cuda.Event()) if self.cuda else (None, None)
        return Slot(host, torch.empty(shape, dtype=torch.int16, device=device), *events)

    def put(self, batch: np.ndarray) -> Slot:
        """Fill the next buffer and start its copy; waits only where the network still needs that buffer."""
        slot = self.slots[self.place]
        self.place = (self.place + 1) % len(self.slots)
        if self.copying is None:
            slot.host.numpy()[...] = batch.view(np.int16)
            slot.device.copy_(slot.host)
            return slot
        slot.used.synchronize()
        slot.host.numpy()[...] = batch.view(np.int16)
        with torch.cuda.stream(self.copying):
            slot.device.copy_(slot.host, non_blocking=True)
            slot.copied.record(self.copying)
        return slot

    def take(self, slot: Slot) -> torch.Tensor:
        """The batch on the device; the stream that computes waits for its copy, the processor does not."""
        if self.copying is not None:
            torch.cuda.current_stream().wait_event(slot.copied)
        return slot.device

    def done(self, slot: Slot) -> None:
        """What was started on this buffer so far is all that needs it."""
        if self.copying is not None:
            slot.used.record(torch.cuda.current_stream())


def ringed(model: nn.Module, batches: list[np.ndarray], size: int, device: str) -> np.ndarray:
    """Scores of all batches through the ring; filling runs on a thread of its own, two batches ahead."""
    ring, answers = Ring(batches[0].shape, device), []
    ahead: Iterator[Slot] = _filled(ring, batches)
    with torch.inference_mode():
        for slot in ahead:
            pixels = prepared(ring.take(slot), size)
            ring.done(slot)
            answers.append(torch.sigmoid(model(pixels))[:, 0])
        return torch.cat(answers).cpu().numpy()


def _filled(ring: Ring, batches: list[np.ndarray]) -> Iterator[Slot]:
    import queue

    ready: queue.Queue[Slot | None] = queue.Queue(maxsize=2)

    def fill() -> None:
        for batch in batches:
            ready.put(ring.put(batch))
        ready.put(None)

    threading.Thread(target=fill, daemon=True).start()
    while (slot := ready.get()) is not None:
        yield slot


def plain(model: nn.Module, batches: list[np.ndarray], size: int, device: str) -> np.ndarray:
    answers = []
    with torch.inference_mode():
        for batch in batches:
            pixels = prepared(torch.from_numpy(batch.view(np.int16)).to(device), size)
            answers.append(torch.sigmoid(model(pixels))[:, 0].cpu())
    return torch.cat(answers).numpy()


def bare(model: nn.Module, inputs: list[torch.Tensor], count: int) -> torch.Tensor:
    with torch.inference_mode():
        return torch.cat([model(inputs[number % len(inputs)])[:, 0] for number in range(count)])


def timed(work: Callable[[], Any], device: str, repeats: int) -> float:
    """Fewest seconds of `repeats`, after one to warm up."""
    work()
    found = []
    for _ in range(repeats):
        _settle(device)
        start = time.perf_counter()
        work()
        _settle(device)
        found.append(time.perf_counter() - start)
    return min(found)


def _settle(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


class Busy:
    """Mean share of the time in which the device was busy, by nvidia-smi every 100 ms; None where there is none."""

    def __enter__(self) -> Self:
        self.seen: list[float] = []
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join(timeout=5)

    def _watch(self) -> None:
        if shutil.which("nvidia-smi") is None:
            return
        command = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]
        while not self.stop.wait(0.1):
            answer = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False).stdout.split()
            self.seen += [float(answer[0])] if answer else []

    @property
    def share(self) -> float | None:
        return sum(self.seen) / len(self.seen) / 100 if self.seen else None


def onnx_cuda(model: nn.Module, batch: int, size: int, count: int, repeats: int) -> float | str:
    """Images a second of onnxruntime's CUDA provider with inputs and outputs bound on the device, or why there is no number."""
    try:
        import onnxruntime
    except ImportError:
        return "onnxruntime is not installed"
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        return "onnxruntime has no CUDA provider"
    content = io.BytesIO()
    try:
        torch.onnx.export(
            model.cpu(), torch.zeros(batch, 1, size, size), content, input_names=["x"], output_names=["y"], dynamo=False
        )
        session = onnxruntime.InferenceSession(
            content.getvalue(), providers=[("CUDAExecutionProvider", {"use_tf32": "0"})], enable_fallback=0
        )
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:200]}"
    if session.get_providers()[0] != "CUDAExecutionProvider":
        return "onnxruntime fell back to the CPU"  # it does not raise when the provider can't be loaded
    pixels = torch.rand(batch, 1, size, size, device="cuda")
    answer = torch.empty(batch, 1, device="cuda")
    binding = session.io_binding()
    binding.bind_input("x", "cuda", 0, np.float32, tuple(pixels.shape), pixels.data_ptr())
    binding.bind_output("y", "cuda", 0, np.float32, tuple(answer.shape), answer.data_ptr())

    def work() -> None:
        for _ in range(count):
            session.run_with_iobinding(binding)
        binding.synchronize_outputs()

    return batch * count / timed(work, "cuda", repeats)


def measured(*, device: str, batch: int, count: int, size: int, side: int, repeats: int) -> dict[str, Any]:
    """All of it. Raises AssertionError where ring and plain do not give the same scores."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True
    model = network().to(device)
    generator = np.random.default_rng(1)
    some = [generator.integers(0, 4096, (batch, side, side), dtype=np.uint16) for _ in range(4)]
    batches = [some[number % len(some)] for number in range(count)]
    np.testing.assert_allclose(
        ringed(model, batches[:4], size, device), plain(model, batches[:4], size, device), rtol=1e-4, atol=1e-5
    )
    inputs = [prepared(torch.from_numpy(one.view(np.int16)).to(device), size) for one in some]
    images = batch * count
    seconds = {"bare": timed(lambda: bare(model, inputs, count), device, repeats)}
    with Busy() as busy:
        seconds["ring"] = timed(lambda: ringed(model, batches, size, device), device, repeats)
    seconds["plain"] = timed(lambda: plain(model, batches, size, device), device, repeats)
    return {
        "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
        "torch": torch.__version__,
        "batch": batch,
        "images": images,
        "image": [side, side],
        "network_input": [size, size],
        "images_per_second": {name: images / value for name, value in seconds.items()},
        "ratio_to_bare": {name: seconds["bare"] / seconds[name] for name in ("ring", "plain")},
        "device_busy": busy.share,
        "onnxruntime_cuda": onnx_cuda(model, batch, size, count, repeats) if device == "cuda" else "no GPU",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--count", type=int, default=60, help="batches")
    parser.add_argument("--size", type=int, default=224, help="side of what the network sees")
    parser.add_argument("--side", type=int, default=1024, help="side of the images")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        raise SystemExit(
            "torch finds no CUDA device here; --device cpu shows that the code works, and measures nothing"
        )
    print(json.dumps(measured(**vars(options)), indent=2))


if __name__ == "__main__":
    main()
