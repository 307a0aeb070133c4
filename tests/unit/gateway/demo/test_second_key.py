"""The second key of the demo's energy office: in force beside the first, and what it opens."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway.demo.second_key import RECIPIENT, SecondKey, add_second_key
from gateway.durable.configured import start
from gateway.errors import OperatorError
from gateway.recipient.keys import load_private
from gateway.recipient.opening import open_bundle
from gateway.recipient.records import encode_record
from tests.support.asking import begin
from tests.support.live import LiveGateway
from tests.support.recipients import record

DAY = "2026-05-04"


async def test_bundles_of_before_open_with_the_first_key_and_those_since_with_either(tmp_path: Path) -> None:
    """By the policies as shipped, and by the gateway's own seals before and after they have changed."""
    live = LiveGateway(tmp_path / "g", port=1)
    durable = await start(live.place, live.keys)
    received = tmp_path / "received"
    received.mkdir()

    def receive(index: int) -> None:
        (received / f"{index}.bundle").write_bytes(durable.seals[RECIPIENT].on(DAY).seal([encode_record(record())], index))

    async def ask(method: str, params: dict[str, Any]) -> dict[str, Any]:
        return await begin(durable, method, params)

    try:
        (tmp_path / "recipients").mkdir()
        receive(0)
        city = SimpleNamespace(place=live.place, folder=tmp_path)
        key = await add_second_key(cast("Any", city), cast("Any", SimpleNamespace(call=ask)))
        for index in (key.since_index + 1, key.since_index + 2):
            receive(index)
    finally:
        await durable.close()
    assert key.opened(received) == (2, 2)
    assert SecondKey(key.path, -1).opened(received) == (2, 3), "one is of before"
    first = load_private(live.private_keys[RECIPIENT])
    assert {open_bundle(file.read_bytes(), first).log_index for file in received.iterdir()} >= {0, key.since_index + 1}


async def test_policies_that_are_not_as_shipped_get_no_key(tmp_path: Path) -> None:
    """In one line, before a key is made."""
    policies = tmp_path / "policies"
    policies.mkdir()
    (policies / "city.toml").write_text('[recipient.city-energy]\npublic_key_file = "keys/other.pub"\n')
    city = SimpleNamespace(place=SimpleNamespace(policies=policies), folder=tmp_path)
    with pytest.raises(OperatorError, match="is not as shipped"):
        await add_second_key(cast("Any", city), cast("Any", None))
    assert not (tmp_path / "recipients").exists()
