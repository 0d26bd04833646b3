"""Work that takes too long ends with a reason; decoders that keep the interpreter's lock hang or die in a process of their own."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from encodings_of_dicom import ALL, dicom_file
from pydicom.uid import UID

from validate.imaging import reference_process
from validate.imaging.dicom import read_image
from validate.imaging.in_time import TookTooLong, decoded_in_time, in_time
from validate.imaging.reference_decoder import decoded_by_reference
from validate.imaging.reference_process import decoded_apart
from validate.imaging.volume import DecodeFailure
from validate.processes.channel import Channel, Child

RLE = ALL["RLE"]


def test_what_is_made_in_time_comes_back_and_errors_are_their_own():
    assert in_time(lambda: 7, 5.0) == 7
    with pytest.raises(KeyError, match="mine"):
        in_time(lambda: {}["mine"], 5.0)


def test_work_that_never_ends_is_left_and_ends():
    begun = threading.Event()

    def endless():
        begun.set()
        while True:
            try:
                time.sleep(0.001)
            except Exception:  # as a reader does with the errors of a header
                continue

    with pytest.raises(TookTooLong):
        in_time(endless, 0.1)
    assert begun.is_set()
    for thread in threading.enumerate():
        if thread.name == "in time":
            thread.join(5)
            assert not thread.is_alive()


def test_an_image_that_takes_too_long_is_a_failure_with_a_reason():
    with pytest.raises(DecodeFailure, match="decode:timeout"):
        decoded_in_time(lambda: time.sleep(0.5), 0.05)


@pytest.fixture
def colour():
    """A file that our own choice leaves to the reference: RLE in colour."""
    stored = np.random.default_rng(3).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    return dicom_file(stored, RLE, bits=8)


def child_of(program):
    started = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    )
    return Child(started, Channel(started.stdout, started.stdin))


@pytest.fixture
def worker(monkeypatch):
    """Another program in the place of the decoding process."""

    def use(program):
        monkeypatch.setattr(reference_process, "PROCESSES", made := reference_process._Processes())
        monkeypatch.setattr(reference_process, "start_child", lambda *_, **__: child_of(program))
        monkeypatch.setattr(reference_process, "STARTING", 0.0)
        return made

    return use


def frame_of(dataset):
    from pydicom.encaps import generate_frames

    return next(generate_frames(dataset.PixelData, number_of_frames=1))


def test_the_process_gives_what_the_reference_gives_and_is_used_again(colour):
    here = decoded_by_reference(colour, UID(RLE), 0)
    for _ in range(2):
        apart = decoded_apart(colour, UID(RLE), frame_of(colour))
        np.testing.assert_array_equal(apart.values, here.values)
        assert apart.decoder == here.decoder
    assert reference_process.PROCESSES.idle.qsize() == 1


def test_what_the_reference_refuses_is_refused_and_the_process_lives(colour):
    with pytest.raises(DecodeFailure, match="decode:corrupt"):
        decoded_apart(colour, UID(RLE), b"\x03" + bytes(99))
    assert decoded_apart(colour, UID(RLE), frame_of(colour)).values.shape == (5, 7, 3)


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("import time; time.sleep(60)", "decode:timeout"),
        ("import os; os._exit(9)", "decode:crashed"),
        ("import sys; sys.stdin.buffer.read(9); sys.stdout.buffer.write(b'\\xff' * 99)", "decode:crashed"),
        ("import sys, struct; sys.stdout.buffer.write(struct.pack('<Q', 2) + b'{}')", "decode:crashed"),
    ],
)
def test_a_decoder_that_hangs_or_dies_costs_its_image(colour, worker, program, reason):
    made = worker(program)
    seconds = 0.3 if reason == "decode:timeout" else 20.0
    with pytest.raises(DecodeFailure, match=reason):
        decoded_apart(colour, UID(RLE), frame_of(colour), seconds=seconds)
    assert made.idle.empty()


def test_a_file_whose_decoder_dies_is_a_failed_image_of_this_program(colour, worker, tmp_path):
    worker("import os; os._exit(9)")
    colour.save_as(tmp_path / "1.dcm", enforce_file_format=True)
    with pytest.raises(DecodeFailure, match="decode:crashed"):
        read_image(tmp_path / "1.dcm")


def test_nothing_is_loaded_from_the_folder_one_stands_in(colour, tmp_path, monkeypatch):
    (tmp_path / "json.py").write_text("raise SystemExit('loaded')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(reference_process, "PROCESSES", made := reference_process._Processes())
    assert decoded_apart(colour, UID(RLE), frame_of(colour)).values.shape == (5, 7, 3)
    made.close()
