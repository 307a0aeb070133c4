"""Makes HTML of a page's view: Jinja2 with everything escaped, and the sentences at hand as `t` and `tn`.

In a template `{{ t("key", n=3) }}` is a sentence of the template's own part, `{{ tn("key", 3) }}` one with a number, and
`{{ c("key") }}` one that is common to all; `visit` is the reader, `site` the frame, `{{ link("/check", t("check")) }}` a link,
and `{{ asset("check.js") }}` the address of a static file. A gap may be filled with markup: it is not escaped again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from consent.portal.answers import Page
from consent.portal.frame import PageFrame
from consent.portal.http.static_files import asset
from consent.portal.icons import icon
from consent.portal.visit import Visit

_TEMPLATES: Final = Environment(
    loader=PackageLoader("consent.portal"),
    autoescape=select_autoescape(default=True, default_for_string=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
COMMON: Final = "common"
"""The part with the sentences of every page."""


def render(page: Page, visit: Visit, frame: PageFrame) -> str:
    """Return a page as HTML.

    Args:
        page: The page; sentences are those of the part that is named as its template.
        visit: Who reads.
        frame: What header and footer show.
    """
    part = page.template.removesuffix(".html")
    template = _TEMPLATES.get_template(page.template)
    return template.render(
        view=page.view,
        visit=visit,
        site=frame,
        asset=asset,
        icon=lambda name: Markup(icon(name)),  # noqa: S704  our own drawings
        link=link,
        **speakers(visit, part),
    )


def speakers(visit: Visit, part: str) -> dict[str, Callable[..., Markup]]:
    """Return `t`, `tn` for a part, and `c`, `cn` for what is common to all pages."""

    def one(name: str) -> Callable[..., Markup]:
        return lambda key, **gaps: Markup(visit.text(name, key, **_escaped(gaps)))  # noqa: S704  our own sentences

    def many(name: str) -> Callable[..., Markup]:
        return lambda key, n, **gaps: Markup(visit.counted(name, key, n, **_escaped(gaps)))  # noqa: S704  likewise

    return {"t": one(part), "tn": many(part), "c": one(COMMON), "cn": many(COMMON)}


def _escaped(gaps: Mapping[str, object]) -> dict[str, Markup]:
    return {name: escape(value) for name, value in gaps.items()}


def link(address: str, text: str) -> Markup:
    """Return a link."""
    return Markup('<a href="{}">{}</a>').format(address, text)
