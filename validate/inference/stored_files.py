"""Files of a run as they are put on the disk and read back: whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from validate.canonical import write_atomically
from validate.errors import MachineError


def stored_table(path: Path) -> pa.Table:
    """A table of this folder, read whole. Raises pa.ArrowException or OSError where it is no table."""
    # By path and on this thread: pyarrow's own threads let go of a Python file object late, and a program that ends
    # just then is aborted ("terminate called without an active exception", pyarrow 26).
    with pq.ParquetFile(str(path)) as file:
        return file.read(use_threads=False)


def parquet_bytes(table: pa.Table) -> bytes:
    """Bytes that depend on the rows and the library's version only."""
    buffer = pa.BufferOutputStream()
    pq.write_table(table, buffer, compression="zstd", use_dictionary=False, write_statistics=False, version="2.6")
    return bytes(buffer.getvalue().to_pybytes())


def put(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Write a file at once. Raises MachineError, with what to do, when the disk can't take it."""
    try:
        if durable:
            write_atomically(path, content)
        else:
            partial = path.with_name(f".{path.name}.partial")
            partial.write_bytes(content)
            partial.replace(path)
    except OSError as error:
        raise MachineError(
            f"{path} can't be written: {error.strerror}. Every finished shard is kept: make room or mend the disk, "
            "then run again with --resume."
        ) from error
