"""The wire to a server that speaks the Open Inference Protocol: questions, answers, and what it means that there is none."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.errors import MissingLibrary
from validate.models.child_host import ModelCrashed
from validate.models.credentials import Secret
from validate.models.kserve_options import KServeOptions

TYPES = {"FP32": "float32", "FP64": "float64", "FP16": "float16", "INT64": "int64", "INT32": "int32"}
NAMES = {kind: name for name, kind in TYPES.items()}
PASSING = ("429", "502", "503", "504", "StatusCode.UNAVAILABLE", "StatusCode.RESOURCE_EXHAUSTED")
UNTRUSTED = "its TLS can't be trusted or understood"
HANDSHAKE = ("CERTIFICATE_VERIFY_FAILED", "Ssl handshake failed", "SSL_ERROR_SSL")


class NoAnswer(Exception):
    """The server did not answer, or is not ready; it may be the next time."""

    def __init__(self, reason: str, message: str) -> None:
        self.reason = reason
        super().__init__(message)


class Connection:
    """One client of tritonclient, whose exceptions are told apart here."""

    def __init__(self, options: KServeOptions, base: Path, token: Secret | None, *, place: str) -> None:
        self._options, self._token = options, token
        try:
            if options.transport == "http":
                import tritonclient.http as client
            else:
                import tritonclient.grpc as client
            from tritonclient.utils import InferenceServerException
        except ImportError as error:
            raise MissingLibrary("tritonclient", place, "pip install 'validate-imaging[kserve]'") from error
        self._client_module, self._refusal = client, InferenceServerException
        self._client = client.InferenceServerClient(url=options.url, **self._settings(base))
        # HTTP names headers in any case, gRPC in lower case only
        self._headers = {"authorization": f"Bearer {token.reveal()}"} if token is not None else {}
        self.binary = True

    def metadata(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """What the server says of itself and of the model. Raises NoAnswer, or ModelCrashed for a refusal."""
        plain = {} if self._options.transport == "http" else {"as_json": True, "client_timeout": self._options.seconds}
        name, version = self._options.server_model, self._options.server_version
        server = self._asked(lambda: self._client.get_server_metadata(headers=self._headers, **plain))
        model = self._asked(lambda: self._client.get_model_metadata(name, version, headers=self._headers, **plain))
        self.binary = self._options.transport == "grpc" or "binary_tensor_data" in (server.get("extensions") or ())
        return dict(server), dict(model)

    def infer(self, arrays: Mapping[str, NDArray[Any]], output: str) -> NDArray[Any]:
        """One output. Raises NoAnswer, or ModelCrashed for a refusal or a reply that contradicts itself."""
        module, http = self._client_module, self._options.transport == "http"
        inputs = []
        for name, array in arrays.items():
            one = module.InferInput(name, list(array.shape), NAMES[array.dtype.name])
            content = np.ascontiguousarray(array)
            one.set_data_from_numpy(content, binary_data=self.binary) if http else one.set_data_from_numpy(content)
            inputs.append(one)
        wanted = (
            module.InferRequestedOutput(output, binary_data=self.binary)
            if http
            else module.InferRequestedOutput(output)
        )
        more = {} if http else {"client_timeout": self._options.seconds}
        result = self._asked(
            lambda: self._client.infer(
                self._options.server_model, inputs, model_version=self._options.server_version, outputs=[wanted],
                headers=self._headers, **more,
            )
        )  # fmt: skip
        try:
            raw = result.as_numpy(output)
        except Exception as error:
            raise ModelCrashed(
                "bad_reply", f"the server's reply contradicts itself ({type(error).__name__})"
            ) from error
        if raw is None:
            raise ModelCrashed("bad_reply", f"the server's reply has no output '{output}'")
        return np.asarray(raw)

    def close(self) -> None:
        self._client.close()

    def _asked(self, question: Any) -> Any:
        try:
            return question()
        except self._refusal as error:
            raise self._told_apart(error) from error
        except ssl.SSLError as error:
            raise NoAnswer("server_untrusted", f"{UNTRUSTED} ({error.reason or type(error).__name__})") from error
        except (OSError, TimeoutError) as error:
            slow = isinstance(error, TimeoutError) or "timed out" in str(error)
            raise self._silent(slow) from error
        except (ValueError, KeyError, TypeError) as error:  # what came back is not what the protocol prescribes
            raise ModelCrashed("bad_reply", f"the server's reply can't be read ({type(error).__name__})") from error
        except Exception as error:  # the client's own transport has exceptions of its own
            raise self._silent("timeout" in type(error).__name__.lower()) from error

    def _told_apart(self, error: Any) -> Exception:
        status, said = str(error.status() or ""), str(error.message() or "")
        if "DEADLINE_EXCEEDED" in status or "Deadline Exceeded" in said or "timed out" in said:
            return self._silent(slow=True)
        if any(word in said for word in HANDSHAKE):
            return NoAnswer("server_untrusted", UNTRUSTED)
        if status in PASSING:
            return NoAnswer("server_busy", f"the server is not ready ({status})")
        plain = " ".join((self._token.removed_from(said) if self._token is not None else said).split())[:200]
        return ModelCrashed("server_error", f"the server refuses{f' ({status})' if status else ''}: {plain}")

    def _silent(self, slow: bool) -> NoAnswer:  # noqa: FBT001 - called here only
        if slow:
            return NoAnswer("server_timeout", f"the server gave no answer in {self._options.seconds:g} seconds")
        return NoAnswer("server_unreachable", "the server can't be reached")

    def _settings(self, base: Path) -> dict[str, Any]:
        options, tls = self._options, self._options.tls
        if options.transport == "http":
            limits: dict[str, Any] = {"connection_timeout": options.seconds, "network_timeout": options.seconds}
            if tls is None:
                return limits
            files = {"ca_certs": tls.authority, "certfile": tls.certificate, "keyfile": tls.key}
            return {**limits, "ssl": True, "ssl_options": {k: str(base / v) for k, v in files.items() if v is not None}}
        if tls is None:
            return {}
        names = {"root_certificates": tls.authority, "certificate_chain": tls.certificate, "private_key": tls.key}
        return {"ssl": True, **{k: str(base / v) for k, v in names.items() if v is not None}}
