"""The log's key: its file, and its name. How it is replaced is in `tests/unit/gateway/durable/test_rotation.py`."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.edge.keys.keyring import init_keys, load_keys
from gateway.edge.keys.log import LOG_KEY_FILE, log_origin, origin_gateway
from gateway.errors import KeyFileError


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\xff\xfe", b"PRIVATE+KEY+a+00000000+AAAA"])
def test_load_keys_damaged_log_key_refused_without_repeating_it(tmp_path: Path, content: bytes) -> None:
    """A signing key that cannot be read is told without its text."""
    init_keys(tmp_path, log_origin("river-street"))
    (tmp_path / LOG_KEY_FILE).write_bytes(content)
    with pytest.raises(KeyFileError, match=r"log\.skey`: not a signing key") as caught:
        load_keys(tmp_path)
    assert "nonsense" not in str(caught.value)


@pytest.mark.parametrize(
    ("origin", "gateway"),
    [
        (log_origin("ribera-1"), "ribera-1"),
        ("sluice.example/ribera-1", None),
        ("sluice.ribera-1/log/2", None),
        ("sluice.-/log", None),
    ],
)
def test_gateway_is_told_from_the_name_of_its_logs_key(origin: str, gateway: str | None) -> None:
    """Of a name that `sluice keys init` gives, and of no other."""
    assert origin_gateway(origin) == gateway
