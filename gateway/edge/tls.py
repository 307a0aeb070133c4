"""The TLS context of a link, made from the files that the operator names."""

from __future__ import annotations

import ssl
from pathlib import Path

from gateway.errors import OperatorError


def tls_context(
    ca_file: Path | None = None, certificate_file: Path | None = None, private_key_file: Path | None = None
) -> ssl.SSLContext:
    """Return a context that verifies the broker's certificate and name, TLS 1.2 or later.

    Args:
        ca_file: Certificates to trust instead of the system's.
        certificate_file: Our own certificate chain, where the broker requires one.
        private_key_file: Its key, when that is not in the same file.

    Raises:
        OperatorError: A file is missing, unreadable or not what it should be; the message names it.
    """
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise OperatorError(f"`{ca_file}`: not a readable file of ca certificates ({_kind(error)})") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if certificate_file is None:
        if private_key_file is not None:
            raise OperatorError(f"`{private_key_file}`: a private key without a certificate")
        return context
    try:
        # A key with a passphrase would prompt on the terminal, which a service does not have: the empty one fails instead.
        context.load_cert_chain(certificate_file, private_key_file, password="")
    except (OSError, ssl.SSLError) as error:
        where = f"`{certificate_file}`" if private_key_file is None else f"`{certificate_file}` with `{private_key_file}`"
        raise OperatorError(f"{where}: not a readable certificate with its private key ({_kind(error)})") from error
    return context


def _kind(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or "no certificate").lower().replace("_", " ")
    return (error.strerror or type(error).__name__).lower()
