"""What CUDA says when a device is gone is told from what concerns memory or a case."""

from __future__ import annotations

import pytest

from validate.models.lost_device import DeviceLost, lost_device

# the words of torch 2 and of onnxruntime 1.2x around cudaGetErrorString
LOST = (
    "CUDA error: no CUDA-capable device is detected",
    "CUDA error: device-side assert triggered\nCUDA kernel errors might be asynchronously reported",
    "CUDA error: an illegal memory access was encountered",
    "CUDA error: unspecified launch failure",
    "CUDA error: CUDA-capable device(s) is/are busy or unavailable",
    "CUDA error: uncorrectable ECC error encountered",
    "CUDA failure 719: unspecified launch failure ; GPU=0 ; hostname=h ; expr=cudaStreamSynchronize",
    "CUDA failure 46: all CUDA-capable devices are busy or unavailable ; GPU=0",
    "Unable to determine the device handle for GPU0: GPU is lost. Reboot the system to recover this GPU",
)
OTHERS = (
    "CUDA out of memory. Tried to allocate 20.00 MiB",
    "CUDA error: out of memory",
    "CUDA failure 2: out of memory ; GPU=0",
    "mat1 and mat2 shapes cannot be multiplied (1x100 and 719x2)",
    "",
)


@pytest.mark.parametrize("message", LOST)
def test_a_device_that_is_gone_is_known_by_its_words(message: str) -> None:
    assert lost_device(RuntimeError(message))
    assert lost_device(DeviceLost())


@pytest.mark.parametrize("message", OTHERS)
def test_memory_and_shapes_are_no_loss_of_a_device(message: str) -> None:
    assert not lost_device(RuntimeError(message))
