"""What people are told goes by its title, in the language of their locale where the city has it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.control.context import MethodError
from tests.support.disk_gate import started
from tests.support.live import LiveGateway

SCOPE = "energy-hourly"
TITLES = {
    "en": "Electricity used, by the hour",
    "es": "Electricidad consumida, por hora",
    "pt": "Eletricidade consumida, por hora",
}


async def texts(gate: Any, subject: str, **asked: str) -> list[str]:
    """Return the messages to a household."""
    return [message["text"] for message in (await gate.ask("subject.show", subject=subject, **asked))["messages"]]


async def test_messages_name_what_they_are_about_by_its_title_and_never_by_its_id(tmp_path: Path) -> None:
    """In each language; of what the policies no longer have, by the title that it had."""
    live = LiveGateway(tmp_path / "g", port=1)
    async with started(live) as gate:
        home = await gate.home("t/1", zone="north-quay")
        await gate.ask("consent.request", subject=home["subject"], scope=SCOPE)
        await gate.ask("consent.request", subject=home["subject"], scope="purpose:noise-planning")
        for _ in range(2):
            for language, title in TITLES.items():
                (first, second) = await texts(gate, home["subject"], language=language)
                assert title in first
                assert SCOPE not in first + second
                assert "noise-planning" not in second
            city = live.folder / "policies" / "city.toml"
            city.write_text(city.read_text().replace("[flow.energy-hourly]", "[flow.energy-by-hour]"))
            for cases in (live.folder / "policies").rglob("*.cases.toml"):
                cases.unlink()
            await gate.ask("policy.apply", accept=True)
        exported = (await gate.ask("consent.export", subject=home["subject"]))["messages"]
        assert TITLES["en"] in exported[0]["text"]


async def test_language_is_that_of_the_locale_where_the_city_has_it(tmp_path: Path) -> None:
    """Else the city's first; what is asked for goes before, and none of ours is refused."""
    live = LiveGateway(tmp_path / "g", port=1)
    city = live.folder / "policies" / "city.toml"
    text = city.read_text().replace('languages = ["en", "es", "pt"]', 'languages = ["pt", "es", "en"]')
    city.write_text(text)
    async with started(live) as gate:
        home = await gate.home("t/1", zone="north-quay")
        await gate.ask("consent.request", subject=home["subject"], scope=SCOPE)
        for asked, language in (({}, "pt"), ({"locale": "es"}, "es"), ({"locale": "es", "language": "en"}, "en")):
            assert TITLES[language] in (await texts(gate, home["subject"], **asked))[0]
            assert (await gate.ask("policy.explain", who=home["subject"], flow=SCOPE, **asked))["language"] == language
        for wrong in ({"language": "fr"}, {"locale": "de"}):
            with pytest.raises(MethodError, match="is none of en, es, pt"):
                await texts(gate, home["subject"], **wrong)
