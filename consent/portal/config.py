"""The portal's configuration file, in TOML: where the log and the gateway's door are, and where to listen.

It is not the gateway's own file, which the portal cannot read. ``docs/configuration.md`` is made from this struct too. Paths are
relative to the file's folder.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from consent.core.toml.file import TomlFile, refusal
from consent.errors import PolicyError

PORTAL_FILE: Final = Path("/etc/sluice/portal.toml")
_LARGEST_BYTES: Final = 1 << 20


class PortalConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file.

    Attributes:
        log_folder: The public log, as the gateway writes it.
        door: The gateway's socket for the public, `portal.sock`.
        address: How people reach the portal, as `https://sensors.ribera.example`; stands in QR codes and printed pages.
        host: Where to listen.
        port: Likewise; 0 takes a free one.
        certificate_file: Its certificate chain, where it speaks TLS itself.
        private_key_file: The certificate's key, where that is not in the same file.
        state_folder: Where `portal.db` lies, with the sessions of those who have come in; made where it is absent. Without
            one they are kept in memory, and end with the portal.
        trusts_proxy: Requests come through a reverse proxy on this machine, which names the visitor in `X-Forwarded-For`.
        requests_per_minute: How many pages one visitor is shown in a minute, a quarter of them at once; ten files count as one
            page. 0: no bound, for a portal that only this machine or a test asks.
        security_contact: For `security.txt`, as `mailto:security@ribera.example`; none: the policies' data protection officer.
    """

    log_folder: str
    door: str
    address: Annotated[str, Meta(pattern=r"^(https?://[^\s/]+)?\Z", description="address without a slash at its end")] = ""
    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 8460
    certificate_file: str | None = None
    private_key_file: str | None = None
    state_folder: str | None = None
    trusts_proxy: bool = False
    requests_per_minute: Annotated[int, Meta(ge=0, le=1_000_000)] = 600
    security_contact: Annotated[
        str, Meta(pattern=r"^((mailto:|https://|tel:)[^\s]+)?\Z", description="`mailto:`, `https:` or `tel:`")
    ] = ""


class PortalConfigError(Exception):
    """The configuration cannot be used; the line names file and key."""

    exit_status = 2


def load_portal_config(file: Path) -> PortalConfig:
    """Read the file, and make its paths whole.

    Raises: PortalConfigError: it is absent, no TOML, or says something that it cannot.
    """
    try:
        if file.stat().st_size > _LARGEST_BYTES:
            raise PolicyError(str(file), "", f"is longer than {_LARGEST_BYTES} bytes")
        tables = TomlFile(str(file), file.read_bytes()).tables
        config = msgspec.convert(tables, PortalConfig)
    except OSError as error:
        raise PortalConfigError(f"`{file}`: {(error.strerror or str(error)).lower()}") from error
    except PolicyError as error:
        raise PortalConfigError(str(error)) from error
    except msgspec.ValidationError as error:
        raise PortalConfigError(str(PolicyError(str(file), *refusal(tables, PortalConfig, error)))) from error
    here = file.resolve().parent

    def whole(path: str | None) -> str | None:
        return None if path is None else str(here / path)

    return msgspec.structs.replace(
        config,
        log_folder=str(here / config.log_folder),
        door=str(here / config.door),
        certificate_file=whole(config.certificate_file),
        private_key_file=whole(config.private_key_file),
        state_folder=whole(config.state_folder),
    )
