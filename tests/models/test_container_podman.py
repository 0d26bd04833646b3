"""A real container engine, podman with runc, with root and without, on an image made of busybox: what is taken away is really gone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import which
from typing import Any

import pytest

from validate.canonical import file_digest
from validate.models.adapter import Batch
from validate.models.child_host import ModelCrashed
from validate.models.container import ADAPTER
from validate.models.prediction import ClassScores, Failure

pytestmark = pytest.mark.services
Make = Callable[..., Any]
TOOLS = (
    "sh",
    "cat",
    "ls",
    "sed",
    "wc",
    "tail",
    "od",
    "tr",
    "awk",
    "grep",
    "basename",
    "dirname",
    "id",
    "sleep",
    "head",
    "touch",
)
# Every way out is tried, and what worked is told as a score: each success adds a power of two.
PROBE = """#!/bin/sh
score=0
touch /etc/written 2>/dev/null && score=$((score + 1))
touch /input/written 2>/dev/null && score=$((score + 2))
[ "$(id -u)" = 0 ] && score=$((score + 4))
[ "$(ls /sys/class/net)" = lo ] || score=$((score + 8))
[ "$(sed -n 's/^CapEff:[[:space:]]*//p' /proc/self/status)" = 0000000000000000 ] || score=$((score + 16))
[ "$(sed -n 's/^NoNewPrivs:[[:space:]]*//p' /proc/self/status)" = 1 ] || score=$((score + 32))
printf '{"score": %s}' $score > /output/case-0000.json
"""


@pytest.fixture(scope="module")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Path]]:
    """Images by their program; the engine keeps everything it has in a folder of its own."""
    missing = [name for name in ("podman", "runc") if which(name) is None and not Path(f"/usr/sbin/{name}").exists()]
    assert not missing, f"please install {' and '.join(missing)}: .ci/services does"
    store = tmp_path_factory.mktemp("store")
    (store / "storage.conf").write_text(
        f'[storage]\ndriver = "vfs"\ngraphroot = "{store}/root"\nrunroot = "{store}/run"\n'
    )
    (store / "containers.conf").write_text('[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\n')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CONTAINERS_STORAGE_CONF", str(store / "storage.conf"))
        patch.setenv("CONTAINERS_CONF", str(store / "containers.conf"))

        yield lambda name, program: imported(store, name, program)
        subprocess.run(["podman", "system", "reset", "--force"], check=False, timeout=120, capture_output=True)


def imported(store: Path, name: str, program: str) -> Path:
    """The archive of an image that runs this program."""
    archive = store / f"{name}.tar"
    if not archive.exists():
        _import(store, name, program)
        subprocess.run(
            ["podman", "save", "--quiet", "-o", str(archive), f"localhost/{name}:1"],
            check=True, timeout=120, capture_output=True,
        )  # fmt: skip
    return archive


def _import(store: Path, name: str, program: str) -> None:
    rootfs = store / f"{name}-rootfs"
    for folder in ("bin", "input", "output", "tmp", "etc"):
        (rootfs / folder).mkdir(parents=True)
    (rootfs / "bin/busybox").write_bytes(Path(str(which("busybox"))).read_bytes())
    (rootfs / "run.sh").write_text(program)
    for path in ("bin/busybox", "run.sh"):
        (rootfs / path).chmod(0o755)
    for tool in TOOLS:
        (rootfs / "bin" / tool).symlink_to("busybox")
    with tarfile.open(store / f"{name}-rootfs.tar", "w") as archive:
        archive.add(rootfs, arcname=".")
    change = ["--change", 'ENTRYPOINT ["/run.sh"]']
    subprocess.run(
        ["podman", "import", *change, str(store / f"{name}-rootfs.tar"), f"localhost/{name}:1"],
        check=True, timeout=120, capture_output=True,
    )  # fmt: skip


@pytest.fixture
def opened(podman: Make, model: Make, tmp_path: Path) -> Callable[..., Any]:
    def made(name: str, program: str, **options: Any) -> Any:
        archive = podman(name, program)
        block = model(
            format="container",
            path=archive.name,
            sha256=file_digest(archive),
            output={"activation": "none", "kind": "score"},
            options={"engine": "podman", **options},
        )
        return ADAPTER.load(block, base=archive.parent, device="cpu")

    return made


def test_the_tiny_model_in_a_real_container_gives_the_numbers_computed_by_hand(opened: Make, imaged: Make) -> None:
    program = (Path(__file__).parent / "tiny_container.sh").read_text()
    loaded, images = opened("tiny", program, gives="mha", cases_per_run=2), imaged(2)
    results = loaded.predict(Batch(images.cases))
    assert all(isinstance(result, ClassScores) for result in results), results
    means = images.pixels.astype("float64").mean(axis=(1, 2, 3))
    assert [result.scores["score"] for result in results] == pytest.approx((4 * means - 1.5).tolist(), rel=1e-5)
    assert loaded.identity.runtime.startswith("podman ")
    loaded.close()


def test_a_real_container_has_no_network_no_root_no_rights_and_nothing_to_write_on(opened: Make, imaged: Make) -> None:
    loaded = opened("probe", PROBE)
    (result,) = loaded.predict(Batch(imaged(1).cases))
    assert isinstance(result, ClassScores), result
    assert result.scores["score"] == 0
    loaded.close()


def test_a_real_container_finds_the_labels_nowhere(opened: Make, imaged: Make, tmp_path: Path) -> None:
    (tmp_path / "labels-of-the-study.csv").write_text("case,opacity\nA0,1\n")
    looked = f"""#!/bin/sh
score=0
cat {tmp_path}/labels-of-the-study.csv >/dev/null 2>&1 && score=$((score + 1))
cat /proc/1/root{tmp_path}/labels-of-the-study.csv >/dev/null 2>&1 && score=$((score + 2))
ls -R / 2>/dev/null | grep -q labels-of-the-study && score=$((score + 4))
ls {tmp_path} >/dev/null 2>&1 && score=$((score + 8))
printf '{{"score": %s}}' $score > /output/case-0000.json
"""
    loaded = opened("looks", looked)
    (result,) = loaded.predict(Batch(imaged(1).cases))
    assert isinstance(result, ClassScores), result
    assert result.scores["score"] == 0
    assert "no label" in " ".join(loaded.identity.notes)
    loaded.close()


def test_a_real_container_that_hangs_is_ended_and_gone(opened: Make, imaged: Make) -> None:
    loaded = opened("hangs", "#!/bin/sh\nsleep 600\n", limits={"seconds": 3})
    with pytest.raises(ModelCrashed, match="did not end in 3 seconds"):
        loaded.predict(Batch(imaged(1).cases))
    left = subprocess.run(["podman", "ps", "--all", "--quiet"], capture_output=True, check=True, timeout=60)
    assert left.stdout == b""
    loaded.close()


def test_a_real_container_that_needs_more_memory_than_it_may_is_killed(
    opened: Make, imaged: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "where the program was started"
    here.mkdir()
    monkeypatch.chdir(here)
    flood = "head -c 200000000 /dev/zero | tail -c 200000000 > /dev/null || exit 137"
    program = f"#!/bin/sh\n{flood}\necho '{{\"score\": 1}}' > /output/case-0000.json\n"
    loaded = opened("hungry", program, limits={"memory": "32m"})
    with pytest.raises(ModelCrashed, match="code 137; it was killed"):
        loaded.predict(Batch(imaged(1).cases))
    loaded.close()
    assert list(here.iterdir()) == []


def test_a_real_container_without_an_answer_is_a_failure(opened: Make, imaged: Make) -> None:
    loaded = opened("silent", "#!/bin/sh\ntrue\n")
    (result,) = loaded.predict(Batch(imaged(1).cases))
    assert result == Failure("missing_output", "The container wrote no case-0000.json for this case.")
    loaded.close()


USER = 12345
# The user's name and ranges of ids are known in a mount namespace only, so nothing of this machine is changed; a home that is
# closed to others, and holds the interpreter or these tests, is opened there for them alone.
ENTER = """
set -e
for name in passwd group subuid subgid; do
  [ -e /etc/$name ] || : > /etc/$name
  mount --bind "$1/etc/$name" /etc/$name
done
folder=$1 closed=$2 kept=$3
shift 3
if [ -n "$closed" ]; then
  number=0
  for path in $kept; do number=$((number + 1)); mkdir "$folder/kept-$number"; mount --rbind $path "$folder/kept-$number"; done
  mount -t tmpfs -o mode=755 tmpfs "$closed"
  number=0
  for path in $kept; do number=$((number + 1)); mkdir -p $path; mount --rbind "$folder/kept-$number" $path; done
fi
exec setpriv --reuid USER --regid USER --clear-groups env -i PATH="$PATH" HOME="$folder/home" XDG_RUNTIME_DIR="$folder/run" \\
  CONTAINERS_STORAGE_CONF="$folder/storage.conf" CONTAINERS_CONF="$folder/containers.conf" TMPDIR="$folder/tmp" "$@"
""".replace("USER", str(USER))


@pytest.fixture
def ordinary_user() -> Iterator[Path]:
    """A folder of an ordinary user, who has a name and ranges of ids for containers."""
    missing = [name for name in ("newuidmap", "unshare", "setpriv") if which(name) is None]
    assert not missing, f"please install uidmap and util-linux ({' and '.join(missing)}): .ci/services does"
    folder = Path(tempfile.mkdtemp(prefix="rootless-", dir="/tmp"))  # pytest's own folders are closed to other users
    try:
        for name in ("home", "run", "tmp", "etc", "images"):
            (folder / name).mkdir()
        (folder / "storage.conf").write_text(
            f'[storage]\ndriver = "vfs"\ngraphroot = "{folder}/root"\nrunroot = "{folder}/run"\n'
        )
        (folder / "containers.conf").write_text('[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\n')
        for name, line in (
            ("passwd", f"tester:x:{USER}:{USER}::{folder}/home:/bin/sh"),
            ("group", f"tester:x:{USER}:"),
        ):
            (folder / "etc" / name).write_text(Path(f"/etc/{name}").read_text() + line + "\n")
        for name in ("subuid", "subgid"):
            (folder / "etc" / name).write_text("tester:200000:65536\n")
        for path in (folder, *folder.rglob("*")):
            os.chown(path, USER, USER)
        folder.chmod(0o755)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _closed() -> tuple[str, str]:
    """The folder that other users can't enter, and what must be reached in it all the same; empty where there is none."""
    wanted = {Path(sys.base_prefix).resolve(), Path(__file__).resolve().parents[2], Path(sys.prefix).resolve()}
    shut = {above for path in wanted for above in path.parents if not above.stat().st_mode & 0o001}
    if not shut:
        return "", ""
    closed = min(shut, key=lambda path: len(path.parts))
    kept = sorted(str(path) for path in wanted if closed in path.parents)
    return str(closed), " ".join(path for path in kept if not any(path.startswith(f"{other}/") for other in kept))


def test_an_ordinary_user_runs_a_model_with_no_more_rights_than_root(ordinary_user: Path, imaged: Make) -> None:
    images = imaged(2)
    files = []
    for case in images.cases:
        files.append(ordinary_user / "images" / case.files[0].name)
        files[-1].write_bytes(case.files[0].read_bytes())
    script = Path(__file__).with_name("rootless_podman.py")
    work = [sys.executable, str(script), str(ordinary_user), json.dumps([str(path) for path in files])]
    done = subprocess.run(
        ["unshare", "--mount", "--propagation", "slave", "sh", "-c", ENTER, "sh", str(ordinary_user), *_closed(), *work],
        capture_output=True, timeout=280, check=False, cwd="/",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    found = json.loads(done.stdout.decode().strip().splitlines()[-1])
    assert found["user"] == USER
    means = images.pixels.astype("float64").mean(axis=(1, 2, 3))
    assert [one["score"] for one in found["tiny"]["results"]] == pytest.approx((4 * means - 1.5).tolist(), rel=1e-5)
    assert found["probe"]["results"][0] == {"score": 0}
    assert "code 137" in found["hungry"], found
    grouped = Path("/sys/fs/cgroup/cgroup.controllers").exists()
    assert any("limited for each process" in note for note in found["tiny"]["notes"]) != grouped
