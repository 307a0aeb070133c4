"""The numbers of `docs/citizens.md` are those that the pages show of the shipped rules, and its words those that they speak."""

from __future__ import annotations

import re

from consent.portal.pages.ideas import IDEAS
from consent.portal.routes import ROUTES
from consent.portal.ways.example import example_of, homes_error
from consent.portal.ways.most_told import most_told
from consent.texts.portal import page_sentences
from tests.docs.pages import pages
from tests.support.ways import shipped

TEXT = " ".join(pages()["docs/citizens.md"].text.split()).replace("'", "’")


def test_errors_are_those_of_the_example() -> None:
    """An hourly sum of electricity, of any number of homes, and the count of homes that it takes."""
    policies = shipped()
    flow = policies.flows["energy-hourly"]
    told = most_told(policies, flow)[0]
    errors = [example_of(policies, flow, told, homes).error for homes in (15, 300)]
    assert errors[0] == errors[1]
    assert f"± {errors[0]:.1f} kWh, whether of 15 homes or of 300" in TEXT
    assert f"± {homes_error(policies, flow, told):.1f} homes in 95 of 100 cases" in TEXT
    assert f"fewer than {flow.ask.group} homes *are counted*" in TEXT


def test_sentences_that_it_quotes_are_those_of_the_pages() -> None:
    """In English, with the numbers of its example."""
    ways, home = page_sentences("ways")["en"], page_sentences("home")["en"]
    gaps = {"permitted": "30", "asked": "40", "step": "5", "group": "15"}
    for key in ("homes", "few", "too-few", "by-rules"):
        assert f"*{ways[f'opening.{key}'].format(**gaps)}*" in TEXT
    assert f"*{ways['opening.by-law']}, {home['nobody-asked']}*" in TEXT
    assert f"*{home['count-homes.other'].format(n=40)}*" in TEXT
    assert f"*{home['count-city.other'].format(n=7)}*" in TEXT
    assert f"*{home['code.heading']}*" in TEXT


def test_it_tells_of_every_idea() -> None:
    """By its address."""
    assert [idea for idea in IDEAS if f"`/ideas/{idea}`" not in TEXT] == []


def test_sentences_of_own_pages_are_those_of_the_pages() -> None:
    """What it puts into slanted letters is what a household reads, and works as the addresses say."""
    quoted = {
        "claim": ("heading",),
        "my": ("bar.stop", "bar.pause", "nav.answers", "nav.went", "nav.history", "nav.keys", "held-back"),
        "question": ("answer.fine", "answer.less"),
        "unknown": ("asking.heading", "done.heading", "not-done.heading"),
        "home": ("code.heading",),
    }
    for part, keys in quoted.items():
        sentences = page_sentences(part)["en"]
        assert [key for key in keys if f"*{sentences[key]}*" not in TEXT and f"*{sentences[key]}.*" not in TEXT] == [], part


def test_addresses_of_own_pages_are_in_the_route_table() -> None:
    """Each that it names."""
    paths = {route.path for route in ROUTES}
    named = set(re.findall(r"`(/(?:my|in|claim|paper)[a-z/]*)`", TEXT))
    assert len(named) > 8
    assert named <= paths
