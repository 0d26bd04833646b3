"""Secrets: from the environment or the system's keyring, never from a protocol, and into no log, table or message."""

from __future__ import annotations

import os
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from validate.errors import MissingLibrary, ModelError


class SecretSource(BaseModel):
    """
    environment : name of the variable that holds the secret      keyring : "service/user" in the system's keyring
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    environment: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = None
    keyring: Annotated[str, Field(pattern=r"^[^/]+/[^/]+$")] | None = None

    @model_validator(mode="after")
    def _one(self) -> SecretSource:
        if (self.environment is None) == (self.keyring is None):
            raise ValueError("expected environment or keyring, one of them: a protocol holds no secret itself")
        return self


class Secret:
    """A secret whose text is asked for by name only: it shows itself nowhere."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The secret, for the one call that needs it."""
        return self._text

    def removed_from(self, message: str) -> str:
        """The message without it, should a library repeat what it was given."""
        return message.replace(self._text, "<secret>") if self._text else message

    def __repr__(self) -> str:
        return "Secret(…)"

    def __reduce__(self) -> str:
        raise TypeError("a secret is not written anywhere")


def secret(source: SecretSource, *, place: str) -> Secret:
    """Raises ModelError where it is not there, naming where it was looked for."""
    if source.environment is not None:
        text = os.environ.get(source.environment)
        if not text:
            raise ModelError(
                f"{place}: the environment variable {source.environment} is not set, or empty. Set it first."
            )
        return Secret(text)
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError as error:
        raise MissingLibrary("keyring", place, "pip install 'validate-imaging[credentials]'") from error
    service, user = str(source.keyring).split("/")
    try:
        text = keyring.get_password(service, user)
    except KeyringError as error:
        raise ModelError(f"{place}: the system's keyring can't be read ({type(error).__name__}).") from error
    if not text:
        raise ModelError(
            f"{place}: the keyring has no entry {service}/{user}. Make it with: keyring set {service} {user}"
        )
    return Secret(text)
