"""What a protocol says of a model behind a server that speaks the Open Inference Protocol."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from validate.models.credentials import SecretSource
from validate.models.retry import Backoff


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
