"""The portal's own configuration file: what it says, and what it cannot say."""

from __future__ import annotations

from pathlib import Path

import pytest

from consent.portal.config import PORTAL_FILE, PortalConfigError, load_portal_config
from gateway.commands import portal
from tests.support.checkout import ROOT
from tests.support.served_portal import write_portal_config


def test_paths_are_relative_to_the_files_folder(tmp_path: Path) -> None:
    """Wherever the portal is started; absolute ones stand."""
    config = load_portal_config(write_portal_config(tmp_path, certificate_file="a.crt", door="/run/sluice/portal/portal.sock"))
    assert config.log_folder == str(tmp_path / "log")
    assert config.certificate_file == str(tmp_path / "a.crt")
    assert config.private_key_file is None
    assert config.door == "/run/sluice/portal/portal.sock"


def test_file_that_is_absent_or_too_long_is_told(tmp_path: Path) -> None:
    """Each names the file."""
    with pytest.raises(PortalConfigError, match=r"`.*none\.toml`: no such file or directory"):
        load_portal_config(tmp_path / "none.toml")
    (tmp_path / "long.toml").write_bytes(b"#" * (1 << 20) + b"\n")
    with pytest.raises(PortalConfigError, match="is longer than"):
        load_portal_config(tmp_path / "long.toml")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "`log_folder`"),
        ('log_folder = "a"', "`door`"),
        ("log_folder = 1", "`log_folder`"),
        ("[", "is not toml"),
        ("\xff", "is not utf-8"),
        ('log_folder = "a"\ndoor = "b"\nrequests_per_minute = -1', "`requests_per_minute`"),
        ('log_folder = "a"\ndoor = "b"\naddress = "sensors.example"', "`address`"),
        ('log_folder = "a"\ndoor = "b"\naddress = "https://sensors.example/"', "`address`"),
        ('log_folder = "a"\ndoor = "b"\nsecurity_contact = "security@ribera.example"', "`security_contact`"),
    ],
)
def test_fault_names_file_and_key(tmp_path: Path, text: str, said: str) -> None:
    """In one line."""
    file = tmp_path / "portal.toml"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(PortalConfigError) as caught:
        load_portal_config(file)
    assert "portal.toml`" in str(caught.value)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_shipped_file_can_be_read_and_its_place_is_one() -> None:
    """What an operator copies; and the command line, which does not import this, has the same default."""
    config = load_portal_config(ROOT / "deploy" / "portal.toml")
    assert config.log_folder == "/srv/sluice-log"
    assert config.door == "/run/sluice/portal/portal.sock"
    assert portal.PORTAL_FILE == PORTAL_FILE
