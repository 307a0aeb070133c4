"""Policies with the keys that they name: a recipient may have several, and what is sealed for it opens with each."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from consent.errors import PolicyError
from gateway.durable.configured import start
from gateway.edge.policies import load_keys, public_keys, read_policies
from gateway.errors import PoliciesRefusedError
from gateway.recipient.keys import generate, load_private
from gateway.recipient.opening import open_bundle
from tests.support.asking import perform
from tests.support.checking import check_here
from tests.support.live import LiveGateway
from tests.support.recipients import DAY, record

FILE = re.compile(r'public_key_file = "(keys/city-energy\.pub)"')


def with_second_key(live: LiveGateway) -> Path:
    """Name a second key of one recipient in a gateway's policies; return its private half."""
    pair = generate(live.folder / "second")
    shutil.copy(pair.public_path, live.place.policies / "keys" / "second.pub")
    city = live.place.policies / "city.toml"
    text, count = FILE.subn(r'public_key_files = ["\1", "keys/second.pub"]', city.read_text())
    assert count == 1
    city.write_text(text)
    return pair.private_path


async def test_second_key_comes_into_force_with_the_operators_word_and_opens_what_is_sealed(tmp_path: Path) -> None:
    """Beside the first, over a restart too; one less needs nobody's word."""
    live = LiveGateway(tmp_path, 1)
    await (await start(live.place, live.keys, check=check_here)).close()
    private = [live.private_keys["city-energy"], with_second_key(live)]
    durable = await start(live.place, live.keys, check=check_here)
    try:
        with pytest.raises(PoliciesRefusedError, match="public key"):
            await perform(durable, ("policy.apply", {}))
        await perform(durable, ("policy.apply", {"accept": True}))
    finally:
        await durable.close()
    durable = await start(live.place, live.keys, check=check_here)
    try:
        (shown,) = await perform(durable, ("policy.show", {}))
        assert shown["keys"]["city-energy"].count(" + ") == 1
        form = durable.seals["city-energy"].on(DAY)
        data = form.seal([form.encode(record())], 7)
        assert [open_bundle(data, load_private(path), 7).records for path in private] == [(record(),)] * 2
    finally:
        await durable.close()


def test_files_that_hold_one_key_twice_are_refused(tmp_path: Path) -> None:
    """A copy of the wrong file is easily made, and would be taken for a second key."""
    live = LiveGateway(tmp_path, 1)
    with_second_key(live)
    found = read_policies(live.place.policies, {"city"})
    assert len(public_keys(found.public_keys["city-energy"])) == 2
    shutil.copy(live.place.policies / "keys/city-energy.pub", live.place.policies / "keys/second.pub")
    with pytest.raises(PolicyError, match="two of the files hold the same key"):
        load_keys(live.place.policies, found.policies.recipients["city-energy"])
