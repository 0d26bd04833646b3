"""A server of the Open Inference Protocol over gRPC for the tests, on the protocol's own stubs."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import numpy as np
from tritonclient.grpc import service_pb2, service_pb2_grpc

Logits = Callable[[np.ndarray], np.ndarray]


def logits(images: np.ndarray) -> np.ndarray:
    """4 * mean - 1.5."""
    return np.asarray(4.0 * images.astype("float64").mean(axis=(1, 2, 3)) - 1.5)


class OpenGrpcServer(service_pb2_grpc.GRPCInferenceServiceServicer):  # type: ignore[misc]
    """`url` : where it listens      headers : of every request"""

    def __init__(self, name: str = "tiny", answer: Logits = logits) -> None:
        self._name, self._answer = name, answer
        self.headers: list[dict[str, Any]] = []
        self._server = grpc.server(ThreadPoolExecutor(2))
        service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(self, self._server)
        self.url = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def ServerMetadata(self, request: Any, context: Any) -> Any:  # noqa: N802 - the protocol's names
        del request
        self._note(context)
        return service_pb2.ServerMetadataResponse(name="tiny-server", version="3.1", extensions=[])

    def ModelMetadata(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._note(context)
        if request.name != self._name:
            context.abort(grpc.StatusCode.NOT_FOUND, "unknown model")
        tensor = service_pb2.ModelMetadataResponse.TensorMetadata
        return service_pb2.ModelMetadataResponse(
            name=self._name, versions=["1"], platform="by-hand",
            inputs=[tensor(name="image", datatype="FP32", shape=[-1, 1, -1, -1])],
            outputs=[tensor(name="logits", datatype="FP32", shape=[-1, 1])],
        )  # fmt: skip

    def ModelInfer(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._note(context)
        images = np.frombuffer(request.raw_input_contents[0], np.float32).reshape(request.inputs[0].shape)
        found = self._answer(images).astype(np.float32)
        output = service_pb2.ModelInferResponse.InferOutputTensor(name="logits", datatype="FP32", shape=[len(found), 1])
        return service_pb2.ModelInferResponse(
            model_name=self._name, outputs=[output], raw_output_contents=[found.tobytes()]
        )

    def close(self) -> None:
        self._server.stop(None).wait(10)

    def _note(self, context: Any) -> None:
        self.headers.append(dict(context.invocation_metadata()))
