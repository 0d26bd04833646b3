"""A key that never leaves its token: a smart card, a USB key or a hardware security module, by PKCS#11 (OASIS, version 2.40).

pkcs11: /usr/lib/x86_64-linux-gnu/opensc-pkcs11.so   # the maker's module
token: Dr A. Example                                 # the token's label
key: signing                                         # the label of the key, and of its certificate, on the token
certificate: a.pem                                   # where the token holds none; relative to this file
pin_variable: VALIDATE_PKCS11_PIN                    # name of the variable that holds the PIN; the PIN is in no file
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from validate.errors import CommandError, MachineError, MissingLibrary
from validate.provenance.certificate import certificate_of_der, read_certificates, signature_holds

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

PROBE = b"validate-imaging: is this the certificate of that key?"


class Token(BaseModel):
    """Where a token holds a key. No secret is among it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pkcs11: Path
    token: str
    key: str
    certificate: Path | None = None
    pin_variable: str = "VALIDATE_PKCS11_PIN"


def token_signer(
    path: Path, certificate: Path | None = None
) -> tuple[Callable[[bytes], bytes], tuple[Certificate, ...]]:
    """What signs with the token's key, and its certificates.

    certificate : in place of the one that the file names or the token holds
    Raises CommandError where the file is wrong, the PIN is missing or refused, or key and certificate don't belong together;
    MachineError where the token or its module can't be used; MissingLibrary without python-pkcs11. No message holds the PIN.
    """
    told = _read(path)
    named = certificate or (None if told.certificate is None else path.parent / told.certificate)
    with _session(told, path) as session:
        chain = read_certificates(named) if named is not None else (_held(session, told, path),)
        if not signature_holds(chain[0], _signed(session, told, path, PROBE), PROBE):
            raise CommandError(f"{path}: the certificate is of another key than '{told.key}' on the token")

    def sign(content: bytes) -> bytes:
        with _session(told, path) as session:
            return _signed(session, told, path, content)

    return sign, chain


def _read(path: Path) -> Token:
    try:
        return Token.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise CommandError(f"{path}: can't be read: {error.strerror}") from None
    except (ValidationError, yaml.YAMLError, UnicodeDecodeError, TypeError) as error:
        first = error.errors()[0] if isinstance(error, ValidationError) else None
        what = f"{'.'.join(map(str, first['loc']))}: {first['msg']}" if first else "no YAML that can be read"
        raise CommandError(
            f"{path}: does not say where a token holds a key: {what}. Expected pkcs11 (the module), token and key (labels)."
        ) from None


@contextmanager
def _session(told: Token, path: Path) -> Iterator[Any]:
    """Logged in, for as long as it takes."""
    pin = os.environ.get(told.pin_variable)
    if not pin:
        raise CommandError(f"{path}: the token's PIN is asked for: set {told.pin_variable}")
    try:
        import pkcs11
        from pkcs11 import exceptions
    except ImportError as error:
        raise MissingLibrary("python-pkcs11", "A key on a token", "pip install 'validate-imaging[pkcs11]'") from error
    try:
        library = pkcs11.lib(str(told.pkcs11))
        with library.get_token(token_label=told.token).open(user_pin=pin) as session:
            yield session
    except (exceptions.PinIncorrect, exceptions.PinLenRange, exceptions.PinInvalid):
        raise CommandError(f"{path}: the token refused the PIN in {told.pin_variable}") from None
    except exceptions.PinLocked:
        raise MachineError(f"{path}: the token is locked: too many wrong PINs. Its maker's tool unlocks it.") from None
    except (exceptions.NoSuchToken, exceptions.MultipleTokensReturned):
        raise MachineError(f"{path}: there is not exactly one token with the label '{told.token}' here") from None
    except (exceptions.NoSuchKey, exceptions.MultipleObjectsReturned):
        raise CommandError(
            f"{path}: there is not exactly one key with the label '{told.key}' on the token '{told.token}'"
        ) from None
    except (exceptions.PKCS11Error, RuntimeError) as error:
        raise MachineError(
            f"{path}: {told.pkcs11.name} can't sign with this token: {type(error).__name__} {error}".rstrip()
        ) from None


def _held(session: Any, told: Token, path: Path) -> Certificate:
    from pkcs11 import Attribute, ObjectClass

    wanted = {Attribute.CLASS: ObjectClass.CERTIFICATE, Attribute.LABEL: told.key}
    found = list(session.get_objects(wanted))
    if len(found) != 1:
        raise CommandError(
            f"{path}: the token holds {len(found)} certificates with the label '{told.key}'; name a file: certificate: FILE"
        )
    return certificate_of_der(bytes(found[0][Attribute.VALUE]))


def _signed(session: Any, told: Token, path: Path, content: bytes) -> bytes:
    """The same three kinds of signature that a key in a file gives (keys.py)."""
    from pkcs11 import MGF, KeyType, Mechanism, ObjectClass
    from pkcs11.util.ec import encode_ecdsa_signature

    key = session.get_key(object_class=ObjectClass.PRIVATE_KEY, label=told.key)
    if key.key_type == KeyType.EC:
        # The hash is made here: not every token knows CKM_ECDSA_SHA256.
        raw = key.sign(hashlib.sha256(content).digest(), mechanism=Mechanism.ECDSA)
        return bytes(encode_ecdsa_signature(raw))
    if key.key_type == KeyType.RSA:
        pss = (Mechanism.SHA256, MGF.SHA256, 32)
        return bytes(key.sign(content, mechanism=Mechanism.SHA256_RSA_PKCS_PSS, mechanism_param=pss))
    if key.key_type == KeyType.EC_EDWARDS:
        return bytes(key.sign(content, mechanism=Mechanism.EDDSA))
    raise CommandError(f"{path}: '{told.key}' is a key of another kind; expected Ed25519, ECDSA (P-256) or RSA")
