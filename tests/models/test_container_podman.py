"""A real container engine, rootful podman with runc, on an image made of busybox: what is taken away is really gone."""

from __future__ import annotations

import subprocess
import tarfile
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

        def image(name: str, program: str) -> Path:
            archive = store / f"{name}.tar"
            if not archive.exists():
                _import(store, name, program)
                subprocess.run(
                    ["podman", "save", "--quiet", "-o", str(archive), f"localhost/{name}:1"], check=True, timeout=120
                )
            return archive

        yield image
        subprocess.run(["podman", "system", "reset", "--force"], check=False, timeout=120, capture_output=True)


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


def test_a_real_container_that_hangs_is_ended_and_gone(opened: Make, imaged: Make) -> None:
    loaded = opened("hangs", "#!/bin/sh\nsleep 600\n", limits={"seconds": 3})
    with pytest.raises(ModelCrashed, match="did not end in 3 seconds"):
        loaded.predict(Batch(imaged(1).cases))
    left = subprocess.run(["podman", "ps", "--all", "--quiet"], capture_output=True, check=True, timeout=60)
    assert left.stdout == b""
    loaded.close()


def test_a_real_container_that_needs_more_memory_than_it_may_is_killed(opened: Make, imaged: Make) -> None:
    flood = "head -c 200000000 /dev/zero | tail -c 200000000 > /dev/null || exit 137"
    program = f"#!/bin/sh\n{flood}\necho '{{\"score\": 1}}' > /output/case-0000.json\n"
    loaded = opened("hungry", program, limits={"memory": "32m"})
    with pytest.raises(ModelCrashed, match="code 137; it was killed"):
        loaded.predict(Batch(imaged(1).cases))
    loaded.close()


def test_a_real_container_without_an_answer_is_a_failure(opened: Make, imaged: Make) -> None:
    loaded = opened("silent", "#!/bin/sh\ntrue\n")
    (result,) = loaded.predict(Batch(imaged(1).cases))
    assert result == Failure("missing_output", "The container wrote no case-0000.json for this case.")
    loaded.close()
