"""A real cluster of two nodes on one machine, inside network and process namespaces of its own (test_ray.py starts it there).

Everything that is started here ends with the namespace. Prints one JSON document: what was found.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psutil

HEAD, PORT, NODES = "127.0.0.1", 6399, ("127.0.0.1", "127.0.0.2")
RAY = str(Path(sys.executable).with_name("ray"))
PATIENCE = 900.0  # seconds for the whole; every call has less
MOST_STARTS = 5  # of one node


def conftest() -> Any:
    spec = importlib.util.spec_from_file_location("study", Path(__file__).with_name("conftest.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def start_node(address: str, scratch: Path) -> subprocess.Popen[bytes]:
    head = ["--head", f"--port={PORT}", f"--temp-dir={scratch}", "--include-dashboard=false"]
    where = head if address == HEAD else [f"--address={HEAD}:{PORT}"]
    common = [
        "--num-cpus=1",
        "--object-store-memory=100000000",
        "--disable-usage-stats",
        "--block",
        f"--node-ip-address={address}",
    ]
    # Ports that are known beforehand need not be told by agents that a busy machine starts too late.
    first = 20000 + 100 * NODES.index(address)
    for place, name in enumerate(
        ("dashboard-agent-grpc", "dashboard-agent-listen", "runtime-env-agent", "metrics-export")
    ):
        common.append(f"--{name}-port={first + place}")
    log = (scratch.parent / f"{address}.log").open("wb")
    return subprocess.Popen([RAY, "start", *where, *common], stdout=log, stderr=log)


def alive() -> int:
    """Nodes that the head knows of; 0 where there is no head yet."""
    import ray

    try:
        ray.init(address=f"{HEAD}:{PORT}", log_to_driver=False, logging_level="ERROR", _node_ip_address=HEAD)
    except Exception:
        return 0
    try:
        return sum(node["Alive"] for node in ray.nodes())
    finally:
        ray.shutdown()


def bring_up(scratch: Path, deadline: float) -> None:
    """Both nodes; Ray gives a node thirty seconds to start, which a busy machine may need twice."""
    for count, address in enumerate(NODES, 1):
        node, starts = start_node(address, scratch), 1
        while not (listening() and alive() >= count):
            if time.monotonic() > deadline:
                raise SystemExit("the cluster did not come up in time")
            if node.poll() is not None and starts == MOST_STARTS:
                said = (scratch.parent / f"{address}.log").read_text(errors="replace")
                raise SystemExit(f"node {address} ended {starts} times as it started: {said[-1000:]}")
            if node.poll() is not None:
                end_node(address)
                node, starts = start_node(address, scratch), starts + 1
            time.sleep(1)


def listening() -> bool:
    try:
        socket.create_connection((HEAD, PORT), timeout=1).close()
    except OSError:
        return False
    return True


def end_node(address: str) -> int:
    """Kill every process of a node at once, as a power cut would, its workers too; they are in this namespace alone."""
    doomed: dict[int, psutil.Process] = {}
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if process.pid != os.getpid() and any(
            f"node-ip-address={address}" in w or f"node_ip_address={address}" in w for w in words
        ):
            doomed |= {one.pid: one for one in (process, *process.children(recursive=True))}
    for process in doomed.values():
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    return len(doomed)


def planned(study: Any, base: Path, cases: Any) -> Any:
    from validate.cohort.case import Cohort
    from validate.inference.plan import make_plan
    from validate.models.load import load_models
    from validate.protocol.passes import CLEAN, Pass

    protocol = study.make_protocol([{}, {"id": "second"}], shard_size=4)
    noisy = Pass("noisy", volume_transform={"name": "gaussian_noise", "options": {"sigma": 90.0}, "seed": 5})
    few = Pass("few", sample=9, engine_overrides={"batch_size": 1})
    loaded = load_models(protocol, base=base)
    return make_plan(protocol, Cohort(cases, (), (), "c" * 64), loaded, (CLEAN, noisy, few), base=base)


def main(folder: Path, drive: str | None = None) -> None:
    os.environ["VALIDATE_NODE_ADDRESS"] = HEAD
    from validate.inference.local import LocalEngine
    from validate.inference.ray import RayEngine

    study = conftest()
    cases = study.write_study(folder / "dicom", 60, broken=(3, 17))
    if not (folder / "tiny.onnx").exists():
        study.write_onnx(folder / "tiny.onnx")
    plan = planned(study, folder, cases)
    engine = RayEngine(address=f"{HEAD}:{PORT}", connecting=60, starting=300, patience=120)
    if drive is not None:
        engine.run(plan, out=Path(drive), resume=True)
        return

    deadline = time.monotonic() + PATIENCE
    threading.Timer(PATIENCE, lambda: os._exit(9)).start()
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True, timeout=10)
    scratch = Path(tempfile.mkdtemp(prefix="vr", dir="/tmp")) / "r"
    LocalEngine(kind="thread").run(plan, out=folder / "local", resume=False)
    whole = study.folder_bytes(folder / "local")
    found: dict[str, Any] = {"files": len(whole)}
    bring_up(scratch, deadline)

    engine.run(plan, out=folder / "cluster", resume=False)
    found["same_bytes"] = study.folder_bytes(folder / "cluster") == whole

    events: list[str] = []

    def losing(name: str, _: Any) -> None:
        events.append(name)
        if name == "shard_written" and "ended" not in found:
            found["ended"] = end_node(NODES[1])

    engine.run(plan, out=folder / "lost", resume=False, on_event=losing)
    found["same_bytes_after_a_node_was_lost"] = study.folder_bytes(folder / "lost") == whole
    found["workers_lost"] = events.count("worker_lost")

    driver = subprocess.Popen([sys.executable, __file__, str(folder), str(folder / "driver")])
    while not list((folder / "driver").glob("m/clean/shard-*.parquet")) and time.monotonic() < deadline:
        time.sleep(0.02)
    driver.kill()
    driver.wait(timeout=30)
    found["shards_when_the_driver_was_lost"] = len(list((folder / "driver").rglob("shard-*.parquet")))
    found["resumed"] = engine.run(plan, out=folder / "driver", resume=True).resumed_shards
    found["same_bytes_after_the_driver_was_lost"] = study.folder_bytes(folder / "driver") == whole
    print(json.dumps(found), flush=True)
    shutil.rmtree(scratch.parent, ignore_errors=True)
    os._exit(0)  # the cluster ends with the namespace


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
