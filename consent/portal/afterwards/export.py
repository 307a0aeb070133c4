"""`/my/export`: all that the gateway holds about the household, as one file, in the form of `sluice consent export`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from consent.messages import SubjectExport, SubjectOf, encode
from consent.portal.afterwards.own import OWN, ask_own
from consent.portal.answers import JSON, Answer, Content, LargeContent, Route, Who, file_of
from consent.portal.site import Site
from consent.portal.visit import Visit


async def download(site: Site, visit: Visit, parameters: Mapping[str, str]) -> Answer:
    """Answer with the file."""

    async def make() -> Content:
        held = await ask_own(site, visit, "consent.export", SubjectOf(subject=OWN), SubjectExport)
        return file_of(msgspec.json.format(encode(held), indent=2), JSON, "my-home.json")

    return LargeContent(make)


ROUTES: Final = (Route("/my/export", download, "All that is held about the household", JSON, needs_gate=True, who=Who.SIGNED_IN),)
