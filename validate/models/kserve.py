"""A model behind a server that speaks the Open Inference Protocol (KServe v2, Triton), over HTTP or gRPC.

The server is asked what it has before the run, and every reply is held against that. It is tried again, ever later, where it
does not answer; what it answers wrongly is a failure of the cases asked about.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from validate.canonical import digest
from validate.errors import MissingLibrary, ModelError
from validate.models.adapter import OUT_OF_SIGHT, ModelIdentity, read_options
from validate.models.child_host import ModelCrashed
from validate.models.credentials import Secret, SecretSource, secret
from validate.models.digest import check_digest
from validate.models.output import output_name
from validate.models.pixel_model import PixelModel
from validate.models.retry import Backoff, retried
from validate.models.runner import ONLY_INPUT
from validate.protocol.model import Model

TYPES = {"FP32": "float32", "FP64": "float64", "FP16": "float16", "INT64": "int64", "INT32": "int32"}
NAMES = {kind: name for name, kind in TYPES.items()}
PASSING = ("429", "502", "503", "504", "StatusCode.UNAVAILABLE", "StatusCode.RESOURCE_EXHAUSTED")
UNTRUSTED = "its TLS can't be trusted or understood"
HANDSHAKE = ("CERTIFICATE_VERIFY_FAILED", "Ssl handshake failed", "SSL_ERROR_SSL")
GONE = 5  # requests in a row without an answer, after which it is the server and not the case


class ServerTls(BaseModel):
    """PEM files: of the authority that signed the server's certificate, and our own where the server wants one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    authority: str | None = None
    certificate: str | None = None
    key: str | None = None


class KServeOptions(BaseModel):
    """
    url : host and port, "triton.local:8001"      transport : http or grpc
    server_model, server_version : what the server calls it
    at_most : cases in one request      seconds : for one answer      retries : where none comes
    authorization : where the bearer token is, which is sent with every request      tls : PEM files; {} trusts the system's
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    url: Annotated[str, Field(pattern=r"^[A-Za-z0-9.\[\]:_-]+:\d+$")]
    transport: Literal["http", "grpc"] = "http"
    server_model: str
    server_version: str = ""
    at_most: Annotated[int, Field(ge=1)] | None = None
    seconds: Annotated[float, Field(gt=0)] = 60.0
    retries: Backoff = Backoff()
    authorization: SecretSource | None = None
    tls: ServerTls | None = None


class _NoAnswer(Exception):
    """The server did not answer, or is not ready; it may be the next time."""

    def __init__(self, reason: str, message: str) -> None:
        self.reason = reason
        super().__init__(message)


class _Connection:
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
        """What the server says of itself and of the model. Raises _NoAnswer, or ModelCrashed for a refusal."""
        plain = {} if self._options.transport == "http" else {"as_json": True, "client_timeout": self._options.seconds}
        name, version = self._options.server_model, self._options.server_version
        server = self._asked(lambda: self._client.get_server_metadata(headers=self._headers, **plain))
        model = self._asked(lambda: self._client.get_model_metadata(name, version, headers=self._headers, **plain))
        self.binary = self._options.transport == "grpc" or "binary_tensor_data" in (server.get("extensions") or ())
        return dict(server), dict(model)

    def infer(self, arrays: Mapping[str, NDArray[Any]], output: str) -> NDArray[Any]:
        """One output. Raises _NoAnswer, or ModelCrashed for a refusal or a reply that contradicts itself."""
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
            raise _NoAnswer("server_untrusted", f"{UNTRUSTED} ({error.reason or type(error).__name__})") from error
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
            return _NoAnswer("server_untrusted", UNTRUSTED)
        if status in PASSING:
            return _NoAnswer("server_busy", f"the server is not ready ({status})")
        plain = " ".join((self._token.removed_from(said) if self._token is not None else said).split())[:200]
        return ModelCrashed("server_error", f"the server refuses{f' ({status})' if status else ''}: {plain}")

    def _silent(self, slow: bool) -> _NoAnswer:  # noqa: FBT001 - called here only
        if slow:
            return _NoAnswer("server_timeout", f"the server gave no answer in {self._options.seconds:g} seconds")
        return _NoAnswer("server_unreachable", "the server can't be reached")

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


class KServeRunner:
    remote = True

    def __init__(self, model: Model, options: KServeOptions, connection: _Connection) -> None:
        self._model, self._options, self._connection = model, options, connection
        self._silent = 0
        server, about = self._described()
        inputs = tuple(_port(one) for one in about.get("inputs") or ())
        outputs = tuple(_port(one) for one in about.get("outputs") or ())
        if not inputs or not outputs:
            raise ModelError(
                f"models.{model.id}: the server does not say what inputs and outputs '{options.server_model}' has."
            )
        self._only = str(inputs[0]["name"])
        self._types = {str(port["name"]): str(port["type"]) for port in inputs}
        self._output = output_name(tuple(str(port["name"]) for port in outputs), model=model)
        self._shape = next(port["shape"] for port in outputs if port["name"] == self._output)
        sizes = [port["shape"][0] for port in inputs if port["shape"] and isinstance(port["shape"][0], int)]
        self.fixed_batch: int | None = min(sizes) if sizes else None
        versions = ", ".join(map(str, about.get("versions") or ())) or "not said"
        self.identity = ModelIdentity(
            id=model.id,
            format="kserve",
            digest=digest({"server": _plain(server), "model": _plain(about)}),
            provider=f"the server, over {'gRPC' if options.transport == 'grpc' else 'HTTP'}",
            runtime=f"{server.get('name', 'a server')} {server.get('version', '')}".strip(),
            inputs=inputs,
            outputs=outputs,
            notes=(
                f"model '{about.get('name')}', versions {versions}, platform {about.get('platform') or 'not said'}",
                "its weights were not seen here: the digest is of what the server says of itself and of the model",
                OUT_OF_SIGHT,
            ),
            opset=str(about.get("platform") or "") or None,
        )

    def run(self, arrays: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        named = {self._only if name == ONLY_INPUT else name: array for name, array in arrays.items()}
        return np.concatenate([self._one(part) for part in self._parts(named)])

    def close(self) -> None:
        self._connection.close()

    def _described(self) -> tuple[dict[str, Any], dict[str, Any]]:
        place = f"models.{self._model.id}.url"
        try:
            return retried(self._connection.metadata, self._options.retries, on=(_NoAnswer,))
        except (_NoAnswer, ModelCrashed) as error:
            raise ModelError(f"{place}: {self._options.url}, model '{self._options.server_model}': {error}.") from error

    def _parts(self, arrays: Mapping[str, NDArray[Any]]) -> Iterator[dict[str, NDArray[Any]]]:
        count = len(next(iter(arrays.values())))
        size = self._options.at_most if self._options.at_most is not None and self.fixed_batch is None else count
        for start in range(0, count, size):
            yield {
                name: array[start : start + size].astype(self._types.get(name, array.dtype.name), copy=False)
                for name, array in arrays.items()
            }

    def _one(self, arrays: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        try:
            raw = retried(lambda: self._connection.infer(arrays, self._output), self._options.retries, on=(_NoAnswer,))
        except _NoAnswer as error:
            self._silent += 1
            if self._silent >= GONE:
                raise ModelError(
                    f"models.{self._model.id}.url: {GONE} requests in a row had no answer: {error}."
                ) from error
            raise ModelCrashed(error.reason, str(error)) from error
        self._silent = 0
        count = len(next(iter(arrays.values())))
        promised = [count, *self._shape[1:]]
        if len(raw.shape) != len(promised) or any(
            isinstance(size, int) and size != got for size, got in zip(promised, raw.shape, strict=True)
        ):
            shown = ", ".join("any" if size is None else str(size) for size in promised)
            raise ModelCrashed("bad_reply", f"the server answered with the shape {raw.shape}; it promised ({shown})")
        if raw.dtype.name not in {*NAMES, "uint8"}:
            raise ModelCrashed("bad_reply", f"the server answered with {raw.dtype.name}, which are no numbers")
        return raw


class KServeAdapter:
    needs_pixels = True
    takes_inputs = True
    OPTIONS: type[BaseModel] = KServeOptions

    def load(self, model: Model, *, base: Path, device: str, threads: int = 0) -> PixelModel:
        del device, threads  # the server computes
        options = read_options(KServeOptions, model)
        place = f"models.{model.id}"
        if model.path is not None:
            raise ModelError(f"{place}.path: a model behind a server has no file here; remove it.")
        token = (
            secret(options.authorization, place=f"{place}.authorization") if options.authorization is not None else None
        )
        connection = _Connection(options, base, token, place=f"{place}: format 'kserve'")
        try:
            runner = KServeRunner(model, options, connection)
            check_digest(runner.identity.digest, model=model)
            return PixelModel(model, runner)
        except BaseException:
            connection.close()
            raise


def _port(one: Mapping[str, Any]) -> dict[str, Any]:
    sizes = [int(size) for size in one.get("shape") or ()]
    kind = str(one.get("datatype"))
    return {
        "name": str(one.get("name")),
        "type": TYPES.get(kind, kind),
        "shape": [size if size >= 0 else None for size in sizes],
    }


def _plain(document: Mapping[str, Any]) -> Any:
    return json.loads(json.dumps(dict(document), default=str))


ADAPTER = KServeAdapter()
