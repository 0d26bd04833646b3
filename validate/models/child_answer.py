"""What a child process of a model answers: arrays by name, or what went wrong in foreign code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from validate.processes.channel import Channel


def reply(channel: Channel, work: Any) -> None:
    """Send what `work` returns, or what went wrong in it."""
    try:
        header, arrays = work()
    except MemoryError as error:
        header, arrays = {"error": "out_of_memory", "message": str(error)}, ()
    except Exception as error:  # noqa: BLE001 - the program is foreign code; the parent says what it means
        exhausted = "OutOfMemory" in type(error).__name__ or "can't allocate memory" in str(error)
        kind = "out_of_memory" if exhausted else type(error).__name__
        lines = str(error).strip().splitlines() or [""]
        told = lines[-1] if "Traceback of TorchScript" in lines[0] or len(lines) > 3 else " ".join(lines)
        header, arrays = {"error": kind, "message": told[:2000]}, ()
    channel.send(header, arrays)


def named(result: Any) -> dict[str, Any]:
    """Outputs by name: "" for a bare tensor, keys of a dict, positions of a tuple or list."""
    if isinstance(result, dict):
        return {str(name): value for name, value in result.items()}
    if isinstance(result, tuple | list):
        return {str(position): value for position, value in enumerate(result)}
    return {"": result}


def asked_for(outputs: Mapping[str, Any], output: str | None, embedding: str | None) -> list[str]:
    """The names that are asked for, in their order; [] where one is not there, or where there are several and none is named."""
    name = output if output is not None else next(iter(outputs)) if len(outputs) == 1 else None
    names = [name, *([] if embedding is None else [embedding])]
    return [str(one) for one in names] if all(one in outputs for one in names) else []
