"""A witness's settings, from options or from a TOML file with the same keys.

    listen = "127.0.0.1:8711"
    key_file = "witness.skey"
    state_folder = "state"
    logs = ["sluice.ribera-1/log+206dcffc+Af2VThPfYYARhdc+426bvcwp1cVWQ3Ud71lf0rHoC/eF"]
    proxies = ["192.0.2.7"]

Paths in the file are relative to it; `proxies` may be left out.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from gateway.audit.log.cosignature import Cosigner
from gateway.audit.log.notes import ED25519, KeyFormatError, Verifier
from gateway.errors import OperatorError
from gateway.files import SecretFileError, read_regular, read_secret_file, reason_of
from gateway.http.places import Network

_LISTEN = re.compile(r"(?:\[(?P<six>[0-9a-fA-F:.]+)\]|(?P<host>[^\[\]:]+)):(?P<port>[0-9]{1,5})")
_KEYS = {"listen": str, "key_file": str, "state_folder": str, "logs": list, "proxies": list}
_MAX_PORT = 65_535
_LONGEST_FILE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Settings:
    """The address to listen on, the signing key, the state folder, the logs to witness, and the proxies in front."""

    host: str
    port: int
    key_file: Path
    state_folder: Path
    logs: tuple[Verifier, ...]
    proxies: tuple[Network, ...] = ()


def settings_from(listen: str, key_file: Path, state_folder: Path, logs: Sequence[str], proxies: Sequence[str] = ()) -> Settings:
    """Return checked settings from the values of options or of a file.

    Args:
        listen: `HOST:PORT`, an IPv6 address in brackets; port 0 for a free one.
        key_file: The witness's signing key.
        state_folder: The folder made by `sluice witness keygen`.
        logs: Public keys of logs, or names of files with one on each line.
        proxies: Addresses or networks of proxies, which speak for many clients.

    Raises:
        OperatorError: when one of them is not usable.
    """
    address = _LISTEN.fullmatch(listen)
    if address is None or int(address["port"]) > _MAX_PORT:
        raise OperatorError(f"`{listen}` is not of the form HOST:PORT")
    vkeys = [vkey for text in logs for vkey in ([text] if "+" in text else _lines(Path(text)))]
    if not vkeys:
        raise OperatorError("name at least one log to witness")
    verifiers = [_log_key(vkey) for vkey in vkeys]
    host, port = address["six"] or address["host"], int(address["port"])
    return Settings(host, port, key_file, state_folder, tuple(verifiers), tuple(_network(proxy) for proxy in proxies))


def load_settings(file: Path) -> Settings:
    """Return the settings in a witness's configuration file.

    Raises:
        OperatorError: when it is absent, not TOML, or holds an unusable value; the message names file and key.
    """
    try:
        table: dict[str, Any] = tomllib.loads(read_regular(file, _LONGEST_FILE_BYTES).decode())
    except OSError as error:
        raise OperatorError(f"`{file}`: {reason_of(error)}") from error
    except RecursionError as error:
        raise OperatorError(f"`{file}`: not toml: nested too deep") from error
    except ValueError as error:
        raise OperatorError(f"`{file}`: not toml: {str(error).lower()}") from error
    table.setdefault("proxies", [])
    for key in table:
        if key not in _KEYS:
            raise OperatorError(f"`{file}`: `{key}` is none of {', '.join(_KEYS)}")
    for key, kind in _KEYS.items():
        if not isinstance(table.get(key), kind):
            raise OperatorError(f"`{file}`: `{key}` is {'of another type' if key in table else 'absent'}")
    for key, what in (("logs", "keys"), ("proxies", "addresses")):
        if not all(isinstance(each, str) for each in table[key]):
            raise OperatorError(f"`{file}`: `{key}` is not a list of {what}")
    logs = [log if "+" in log else str(file.parent / log) for log in table["logs"]]
    try:
        key_file, state_folder = file.parent / table["key_file"], file.parent / table["state_folder"]
        return settings_from(table["listen"], key_file, state_folder, logs, table["proxies"])
    except OperatorError as error:
        raise OperatorError(f"`{file}`: {error}") from error


def load_cosigner(file: Path) -> Cosigner:
    """Return the signing key in a witness's key file.

    Raises:
        OperatorError: when the file is absent, readable by others, or holds no signing key.
    """
    try:
        return Cosigner.parse(read_secret_file(file).decode())
    except SecretFileError as error:
        raise OperatorError(str(error)) from error
    except ValueError as error:  # malformed, or not text; the message repeats nothing of the key
        raise OperatorError(f"`{file}`: not a witness's signing key") from error


def _lines(file: Path) -> list[str]:
    try:
        lines = [line.strip() for line in read_regular(file, _LONGEST_FILE_BYTES).decode().splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise OperatorError(f"`{file}`: neither a log's key nor a readable file of keys") from error
    return [line for line in lines if line and not line.startswith("#")]


def _network(text: str) -> Network:
    try:
        return ip_network(text)
    except ValueError as error:
        raise OperatorError(f"proxy `{text}` is no address such as 192.0.2.7, and no network such as 192.0.2.0/24") from error


def _log_key(vkey: str) -> Verifier:
    try:
        verifier = Verifier.parse(vkey)
    except KeyFormatError as error:
        raise OperatorError(str(error)) from error
    if verifier.algorithm != ED25519:
        raise OperatorError(f"`{vkey}` is no log's key")
    return verifier
