"""Run inside an empty network of its own: a real Orthanc between us and a vendor's node; prints what came back as JSON."""

from __future__ import annotations

import fcntl
import json
import shutil
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

LUA = """
function OnStoredInstance(instanceId, tags, metadata, origin)
  if origin['RemoteAet'] == 'VENDOR' then SendToModality(instanceId, 'ours') else SendToModality(instanceId, 'vendor') end
  Delete(instanceId)
end
"""
ROUTER, OURS = 4242, 11112
UP = 0x1 | 0x40


def bring_loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        fcntl.ioctl(one, 0x8914, struct.pack("16sh", b"lo", UP) + b"\0" * 14)  # SIOCSIFFLAGS


def started(folder: Path, vendor: int) -> subprocess.Popen[bytes]:
    (folder / "route.lua").write_text(LUA)
    (folder / "database").mkdir()
    configuration = {
        "Name": "router", "DicomAet": "ROUTER", "DicomPort": ROUTER, "DicomCheckCalledAet": True, "HttpServerEnabled": False,
        "StorageDirectory": str(folder / "database"), "IndexDirectory": str(folder / "database"), "Plugins": [],
        "LuaScripts": [str(folder / "route.lua")], "DicomAlwaysAllowStore": True, "SynchronousCMove": True,
        "DicomModalities": {"vendor": ["VENDOR", "127.0.0.1", vendor], "ours": ["VALIDATE", "127.0.0.1", OURS]},
    }  # fmt: skip
    (folder / "orthanc.json").write_text(json.dumps(configuration))
    program = shutil.which("Orthanc") or "/usr/sbin/Orthanc"
    process = subprocess.Popen(
        [program, str(folder / "orthanc.json")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", ROUTER), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return process
    process.kill()
    raise SystemExit("Orthanc did not start")


def main() -> None:
    bring_loopback_up()
    folder, images = Path(sys.argv[1]), json.loads(sys.argv[2])
    sys.path.insert(0, str(Path(__file__).parent))
    from vendor_answers import KINDS
    from vendor_node import CODE, VendorNode

    from validate.cohort.case import Case
    from validate.models.adapter import Batch
    from validate.models.dicom_node import ADAPTER
    from validate.protocol.model import Model

    cases = tuple(
        Case(
            unit=f"unit-{number}", patient="p", study="s", series="e", digest="0" * 64, attributes={}, has_label=True,
            files=(Path(one["path"]),), keys=one["keys"],
        )
        for number, one in enumerate(images)
    )  # fmt: skip
    vendor = VendorNode(("127.0.0.1", ROUTER, "ROUTER"))
    process = started(folder, vendor.port)

    def asked(answer: dict[str, Any], output: dict[str, Any]) -> dict[str, Any]:
        options: dict[str, Any] = {
            "node": {"host": "127.0.0.1", "port": ROUTER, "ae_title": "ROUTER"},
            "listen": {"port": OURS, "accept": ["ROUTER"]},
            "answer": answer,
            "seconds": 30,
        }
        block = Model.model_validate(
            {"id": "m", "name": "Box", "version": "1", "format": "dicom_node", "output": output, "options": options}
        )
        loaded = ADAPTER.load(block, base=folder, device="cpu")
        try:
            results = loaded.predict(Batch(cases))
            return {
                "results": [repr(getattr(result, "scores", result)) for result in results],
                "right": [kind.expected(result) if not hasattr(result, "reason") else False for result in results],
                "runtime": loaded.identity.runtime,
                "events": loaded.drain_events(),
            }
        finally:
            loaded.close()

    try:
        kind = KINDS["sr"]
        found = {"own": asked({"kind": "sr", "measurement": {"code": CODE[0], "scheme": CODE[1]}}, kind.output)}
        for name, kind in KINDS.items():
            vendor.behave = lambda image, kind=kind: [(0.0, kind.right(image))]
            found[name] = asked(kind.answer, kind.output)
        print(json.dumps(found))
    finally:
        vendor.close()
        process.terminate()
        process.wait(20)


if __name__ == "__main__":
    main()
