"""Containers: the exact command line, the three conventions, and what a hostile or broken container can't do."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from validate.errors import MissingLibrary, ModelError, ProtocolError
from validate.models.adapter import Batch
from validate.models.child_host import ModelCrashed
from validate.models.container import ADAPTER
from validate.models.container_engine import Engine, Image, Limits, Mount, engines, in_bytes
from validate.models.prediction import ClassScores, Failure

Make = Callable[..., Any]
DIGEST = "ab" * 32
LOGIT = {"activation": "sigmoid", "kind": "probability"}


@pytest.fixture
def opened(model: Make, tmp_path: Path) -> Callable[..., Any]:
    def made(output: dict[str, Any] = LOGIT, **options: Any) -> Any:
        given = {"image": f"example.org/tiny@sha256:{'cd' * 32}", "gives": "mha", **options}
        return ADAPTER.load(
            model(format="container", path=None, output=output, options=given), base=tmp_path, device="cpu"
        )

    return made


def _asked(folder: Path) -> list[list[str]]:
    return [json.loads(line) for line in (folder / "asked.jsonl").read_text().splitlines()]


def _scores(results: Any) -> list[float]:
    assert all(isinstance(result, ClassScores) for result in results), results
    return [result.scores["score"] for result in results]


def test_the_command_line_takes_everything_away_but_two_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    monkeypatch.setattr(os, "getgid", lambda: 1001)
    monkeypatch.setattr("validate.models.container_engine._THREADS", 4096)
    engine = Engine("podman", "/usr/bin/podman", "4.3.1")
    mounts = [Mount(Path("/s/in"), "/input"), Mount(Path("/s/out"), "/output", writable=True)]
    line = engine.command(Image("img", DIGEST), mounts, limits=Limits(cpus=2), container="c1", arguments=("infer",))
    assert line == [
        "/usr/bin/podman", "run", "--rm", "--name", "c1", "--pull", "never",
        "--network", "none", "--read-only", "--user", "1000:1001",
        "--cap-drop", "all", "--security-opt", "no-new-privileges",
        "--pids-limit", "256", "--memory", "4g", "--memory-swap", "4g",
        "--shm-size", "128m", "--tmpfs", "/tmp:rw,nosuid,nodev,size=128m",
        "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=4096:4096", "--ulimit", "fsize=1073741824", "--ulimit", "core=0",
        "--log-driver", "none", "--userns", "keep-id", "--cpus", "2",
        "--volume", "/s/in:/input:ro", "--volume", "/s/out:/output:rw",
        "img", "infer",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "gpu"), [("docker", ["--gpus", "all"]), ("podman", ["--device", "nvidia.com/gpu=all"])]
)
def test_root_runs_containers_as_nobody(name: Any, gpu: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 0)
    line = Engine(name, name, "1").command(Image("i", DIGEST), [], limits=Limits(), container="c", gpu=True)
    assert line[line.index("--user") + 1] == "65534:65534"
    assert "keep-id" not in line
    assert " ".join(gpu) in " ".join(line)


def test_apptainer_is_contained_and_limited_too() -> None:
    engine = Engine("apptainer", "apptainer", "1.3")
    line = engine.command(Image("/m/model.sif", DIGEST), [Mount(Path("/i"), "/input")], limits=Limits(), container="c")
    assert line == [
        "prlimit", "--nproc=256", "--fsize=1073741824", "--core=0", "--as=4294967296", "--",
        "apptainer", "run", "--containall", "--no-home", "--cleanenv", "--no-privs", "--net", "--network", "none",
        "--bind", "/i:/input:ro", "/m/model.sif",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("rootless", "groups", "narrows"), [(True, "v1", True), (True, "v2", False), (False, "v1", False)]
)
def test_what_an_engine_can_not_hold_is_held_otherwise_and_said(
    rootless: bool, groups: str, narrows: bool, recording_engine: Make
) -> None:
    folder = recording_engine()
    (folder / "info.json").write_text(
        json.dumps({"host": {"security": {"rootless": rootless}, "cgroupVersion": groups}})
    )
    (engine,) = engines()
    assert engine.rootless == rootless
    line = engine.command(Image("img", DIGEST), [], limits=Limits(memory="1g"), container="c")
    assert ("data=1073741824:1073741824" in line) == narrows
    assert ("memory is limited for each process and not for all together" in engine.narrows) == narrows


def test_sizes_are_read_as_the_engines_read_them() -> None:
    assert [in_bytes(size) for size in ("1k", "2m", "3g")] == [1 << 10, 2 << 20, 3 << 30]


def test_cases_go_in_by_number_and_scores_come_out(
    opened: Make, imaged: Make, expected: Make, recording_engine: Make
) -> None:
    folder = recording_engine()
    loaded, images = opened(cases_per_run=3), imaged(3)
    assert _scores(loaded.predict(Batch(images.cases))) == pytest.approx(expected(images.pixels), rel=1e-5)
    assert loaded.fixed_batch == 3
    assert loaded.identity.digest == DIGEST
    assert loaded.identity.runtime == "podman 4.9.9"
    assert "no network, no root, read-only root file system" in loaded.identity.notes[2]
    runs = [asked for asked in _asked(folder) if asked[0] == "run"]
    assert len(runs) == 1
    assert runs[0][-1] == DIGEST, "what was inspected is what is run"
    loaded.close()


def test_an_algorithm_of_grand_challenge_finds_its_sockets(
    opened: Make, imaged: Make, expected: Make, recording_engine: Make
) -> None:
    recording_engine()
    about = {"input": "chest-xray", "output": "results.json", "value": "/0/metrics/logit"}
    loaded, images = opened(grand_challenge=about), imaged(2)
    found = [loaded.predict(Batch((case,)))[0] for case in images.cases]
    assert _scores(found) == pytest.approx(expected(images.pixels), rel=1e-5)
    loaded.close()


def test_a_container_of_medperf_finds_its_volumes(
    opened: Make, imaged: Make, expected: Make, recording_engine: Make, tmp_path: Path
) -> None:
    folder = recording_engine()
    (tmp_path / "parameters.yaml").write_text("threshold: 0.5\n")
    loaded, images = opened(medperf={"parameters": "parameters.yaml"}, arguments=["infer"]), imaged(1)
    assert _scores(loaded.predict(Batch(images.cases))) == pytest.approx(expected(images.pixels), rel=1e-5)
    (run,) = [asked for asked in _asked(folder) if asked[0] == "run"]
    targets = [asked.split(":", 1)[1] for place, asked in enumerate(run) if run[place - 1] == "--volume"]
    assert targets == [
        "/mlcommons/volumes/data:ro",
        "/mlcommons/volumes/predictions:rw",
        "/mlcommons/volumes/parameters/parameters_file.yaml:ro",
    ]
    assert run[-1] == "infer"
    loaded.close()


def test_what_the_container_is_given_holds_no_name_of_ours(opened: Make, imaged: Make, recording_engine: Make) -> None:
    recording_engine(
        'cp "$INPUT/cases.json" "$(dirname "$0")/seen.json"; ls "$INPUT"/* >> "$(dirname "$0")/seen.json"\n'
    )
    loaded, images = opened(gives="files", columns=["age"]), imaged(1)
    loaded.predict(Batch(images.cases))
    engine = images.cases[0].files[0].parent.parent / "engine"
    seen = (engine / "seen.json").read_text()
    assert json.loads(seen[: seen.rindex("]") + 1]) == [
        {"case": "case-0000", "files": ["case-0000/0000.dcm"], "attributes": {"age": None}}
    ]
    assert "image-1" not in seen
    loaded.close()


ANSWERS: dict[str, tuple[str, str, str]] = {
    "nothing": ("true", "missing_output", "wrote no case-0000.json"),
    "no json": ("echo hello > $OUTPUT/case-0000.json", "bad_answer", "not JSON"),
    "a list": ("echo [] > $OUTPUT/case-0000.json", "bad_answer", "no JSON object"),
    "nan": ("echo '{\"score\": NaN}' > $OUTPUT/case-0000.json", "bad_answer", "NaN or an infinity"),
    "null": ("echo '{\"score\": null}' > $OUTPUT/case-0000.json", "nan_output", "not finite"),
    "twice": ("echo '{\"score\": 1, \"score\": 2}' > $OUTPUT/case-0000.json", "bad_answer", "a key twice"),
    "both": ("echo '{\"score\": 1, \"mask\": \"a\"}' > $OUTPUT/case-0000.json", "bad_answer", "score and mask"),
    "a mask": ("echo '{\"mask\": \"a.nii.gz\"}' > $OUTPUT/case-0000.json", "bad_answer", "expects score"),
    "a word": ("echo '{\"score\": \"high\"}' > $OUTPUT/case-0000.json", "bad_answer", "str where a number"),
    "a link": ("ln -s /etc/passwd $OUTPUT/case-0000.json", "bad_answer", "no plain file"),
    "a pipe": ("mkfifo $OUTPUT/case-0000.json", "bad_answer", "no plain file"),
    "names": ("echo '{\"scores\": {\"a\": 1}}' > $OUTPUT/case-0000.json", "bad_answer", "names scores"),
    "a failure": (
        "echo '{\"failure\": \"no_lungs\"}' > $OUTPUT/case-0000.json", "model_failure", "(code no_lungs)",
    ),
    "a name in a failure": (
        "echo '{\"failure\": \"Doe^Jane\"}' > $OUTPUT/case-0000.json", "model_failure", "(code unspecified)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_that_is_wrong_is_a_failure_that_says_how(
    name: str, opened: Make, imaged: Make, recording_engine: Make
) -> None:
    program, reason, says = ANSWERS[name]
    recording_engine(program + "\n")
    loaded = opened(output={"activation": "none", "kind": "score"})
    (result,) = loaded.predict(Batch(imaged(1).cases))
    assert isinstance(result, Failure)
    assert (result.reason, says in result.detail) == (reason, True), result
    loaded.close()


def test_a_probability_out_of_range_is_a_wrong_declaration(opened: Make, imaged: Make, recording_engine: Make) -> None:
    recording_engine("echo '{\"score\": 93}' > $OUTPUT/case-0000.json\n")
    loaded = opened(output={"activation": "none", "kind": "probability"})
    with pytest.raises(ModelError, match=r"got 93 where a probability was promised"):
        loaded.predict(Batch(imaged(1).cases))
    loaded.close()


@pytest.mark.parametrize("name", ["../secret.nii.gz", "/etc/passwd", "a/../../b", "link.nii.gz", "absent.nii.gz"])
def test_a_mask_outside_the_output_folder_is_refused(
    name: str, opened: Make, imaged: Make, recording_engine: Make
) -> None:
    recording_engine(f'ln -s /etc/passwd $OUTPUT/link.nii.gz; echo \'{{"mask": "{name}"}}\' > $OUTPUT/case-0000.json\n')
    loaded = opened(output={"activation": "none", "kind": "mask"})
    (result,) = loaded.predict(Batch(imaged(1).cases))
    assert isinstance(result, Failure)
    assert result.reason == "bad_answer"
    loaded.close()


def test_a_crash_a_hang_and_a_flood_concern_their_case(opened: Make, imaged: Make, recording_engine: Make) -> None:
    case = Batch(imaged(1).cases)
    recording_engine("exit 3\n")
    with pytest.raises(ModelCrashed, match="ended with code 3") as caught:
        opened().predict(case)
    assert caught.value.reason == "container_failed"
    recording_engine("exec sleep 60\n")
    with pytest.raises(ModelCrashed, match=r"did not end in 0.3 seconds") as caught:
        opened(limits={"seconds": 0.3}).predict(case)
    assert caught.value.reason == "model_timeout"
    folder = recording_engine("head -c 40000 /dev/zero > $OUTPUT/flood; exec sleep 60\n")
    with pytest.raises(ModelCrashed, match="wrote more than 8k"):
        opened(limits={"files": "8k"}).predict(case)
    asked = _asked(folder)
    killed = [words[1] for words in asked if words[0] == "kill"]
    assert killed == [words[words.index("--name") + 1] for words in asked if words[0] == "run"][-2:]


def test_an_image_that_can_not_be_read_is_a_failure_and_starts_no_container(
    opened: Make, imaged: Make, recording_engine: Make
) -> None:
    folder = recording_engine()
    images = imaged(1)
    images.cases[0].files[0].write_bytes(b"junk")
    (result,) = opened().predict(Batch(images.cases))
    assert isinstance(result, Failure)
    assert result.reason.startswith("decode:")
    assert [asked for asked in _asked(folder) if asked[0] == "run"] == []


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"image": "example.org/tiny:latest"}, f"can be another image tomorrow.*sha256: {DIGEST}"),
        ({"image": f"example.org/tiny@sha256:{'ee' * 32}"}, "has not the digest sha256:eeee"),
        ({"image": "absent:1"}, "podman can't give this image: Error: absent: no such image.*pull or load it first"),
        ({"image": None}, "named by `image` .* or by `path`"),
        ({"medperf": {"parameters": "p.yaml"}}, r"medperf\.parameters: nothing at"),
    ],
)
def test_an_image_that_is_not_pinned_or_not_there_is_refused(
    options: dict[str, Any], says: str, opened: Make, recording_engine: Make
) -> None:
    recording_engine()
    with pytest.raises(ModelError, match=says):
        opened(**options)


def test_the_id_of_the_image_pins_it_too(model: Make, tmp_path: Path, recording_engine: Make) -> None:
    recording_engine()
    options = {"image": "localhost/tiny:1"}
    ADAPTER.load(model(format="container", path=None, sha256=DIGEST, options=options), base=tmp_path, device="cpu")
    with pytest.raises(ModelError, match="is not the one the protocol names"):
        ADAPTER.load(
            model(format="container", path=None, sha256="ee" * 32, options=options), base=tmp_path, device="cpu"
        )


def test_an_archive_is_digested_and_loaded(model: Make, tmp_path: Path, recording_engine: Make) -> None:
    folder = recording_engine()
    (tmp_path / "image.tar").write_bytes(b"an archive")
    loaded = ADAPTER.load(model(format="container", path="image.tar"), base=tmp_path, device="cpu")
    assert ["load", "--input", str(tmp_path / "image.tar")] in _asked(folder)
    assert ["image", "inspect", "localhost/tiny:1"] in _asked(folder)
    loaded.close()


def test_no_engine_says_what_to_install(opened: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("validate.models.container_engine.shutil.which", lambda name: None)
    with pytest.raises(MissingLibrary, match=r"docker or podman or apptainer.*apt-get install podman"):
        opened()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"grand_challenge": {"input": "a", "output": "b.json"}, "medperf": {}}, "two conventions; say one"),
        ({"grand_challenge": {"input": "a", "output": "b.json"}, "cases_per_run": 4}, "one case at a time"),
        ({"limits": {"memory": "lots"}}, "memory"),
        ({"grand_challenge": {"input": "a", "output": "../b"}}, "output"),
        ({"image": "--privileged"}, "image"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], says: str, opened: Make) -> None:
    with pytest.raises(ProtocolError, match=says):
        opened(**options)


def test_a_mask_of_grand_challenge_keeps_its_geometry(opened: Make, imaged: Make, recording_engine: Make) -> None:
    """The container answers with its own input: the same numbers are labels on the same grid."""
    recording_engine('mkdir -p "$OUTPUT/images/lung"; cp "$INPUT"/images/ct/*.mha "$OUTPUT/images/lung/any.mha"\n')
    about = {"input": "ct", "output": "images/lung"}
    loaded = opened(grand_challenge=about, output={"activation": "none", "kind": "mask"})
    images = imaged(1)
    (result,) = loaded.predict(Batch(images.cases))
    assert not isinstance(result, Failure), result
    counts = np.unique(np.rint(images.pixels * 255), return_counts=True)
    assert result.volumes == pytest.approx({int(v): n / 1000 for v, n in zip(*counts, strict=True)})
    loaded.close()
