"""Every reason for which the gateway can hold something back has words, in every language: the reasons are read in the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from consent.core.decide import _STANDING
from consent.core.outcome import UNSUPPORTED
from consent.portal.accounts.reasons import HELD, OTHER, WAITING, held_row
from consent.texts.portal import LANGUAGES, page_sentences
from gateway.audit.log.balances import ACCOUNTS, is_account
from tests.support.checkout import ROOT

_DECIDING = ("consent/core/decide.py", "consent/core/outcome.py")
_SUPPRESSING = (
    *(path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "gateway/core/figures").glob("*.py"))),
    "gateway/core/release/bundle.py",
    "gateway/core/release/publication.py",
)


def _tree(file: str) -> Iterator[ast.AST]:
    return ast.walk(ast.parse((ROOT / file).read_text("utf-8")))


def _texts(node: ast.AST) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str) and part.value:
            yield part.value


def _returned(node: ast.FunctionDef) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Return) and isinstance(part.value, ast.Constant | ast.IfExp | ast.Tuple):
            value = part.value
            yield from _texts(ast.Tuple([value.body, value.orelse]) if isinstance(value, ast.IfExp) else value)


def _reasons(file: str) -> Iterator[str]:
    """Yield what a module returns, assigns or passes on as a reason."""
    for node in _tree(file):
        match node:
            case ast.FunctionDef(returns=returns) if returns is not None and "str" in ast.unparse(returns).split("[")[0].split():
                yield from _returned(node)
            case ast.FunctionDef(name="_point_at" | "_closed_by"):
                yield from _returned(node)
            case ast.Call(func=ast.Attribute(attr="suppress") | ast.Name(id="_withheld"), args=[first, *_]):
                yield from _texts(first)
            case ast.Call(func=ast.Name(id="Counter"), keywords=keywords):
                yield from (each.arg for each in keywords if each.arg)
            case ast.Subscript(value=ast.Name(id="suppressed" | "withheld"), slice=key):
                yield from _texts(key)
            case ast.Assign(targets=[ast.Name(id="reason" | "fault")], value=value):
                yield from _texts(value.body if isinstance(value, ast.IfExp) else value)
                yield from _texts(value.orelse if isinstance(value, ast.IfExp) else ast.Tuple([]))
            case ast.Assign(targets=[ast.Tuple(elts=[ast.Name(id="reason"), *_])], value=ast.Tuple(elts=[first, *_])):
                yield from _texts(first)


def _accounts() -> set[str]:
    """Return every account of what is held back that the source names, or makes from a reason."""
    found = {f"pairs.withheld.{reason}" for file in _DECIDING for reason in _reasons(file)}
    found |= {f"pairs.withheld.{reason}" for reason in (*_STANDING.values(), UNSUPPORTED) if reason}
    found |= {f"pairs.withheld.{reason}" for reason in _reasons("gateway/core/pipeline.py")}
    found |= {f"pairs.suppressed.{reason}" for file in _SUPPRESSING for reason in _reasons(file)}
    for path in (ROOT / "gateway/core").rglob("*.py"):
        found |= {text for node in _tree(path.relative_to(ROOT).as_posix()) for text in _texts(node) if is_account(text)}
    moving = {"pairs.considered", "pairs.contributed", "pairs.recorded", "pairs.aggregated", "pairs.released"}
    return {account for account in found if account.startswith("pairs.")} - moving - set(WAITING.values())


def test_the_source_is_read_as_it_is_written() -> None:
    """These are in several forms in the source: returned, assigned, counted, passed on, or written out."""
    accounts = _accounts()
    told = ("has-subject", "no-consent", "not-aggregable", "ceiling", "class-cap", "unknown-zone", "budget", "no-noise", "paused")
    assert {f"pairs.withheld.{reason}" for reason in (*told, "forgotten", "undated", "unsupported")} <= accounts
    assert {
        f"pairs.suppressed.{reason}" for reason in ("k", "p", "guard", "told", "partial", "no_baseline", "restored")
    } <= accounts
    assert {"pairs.withheld_at_release.no-recipient", "pairs.late", "pairs.duplicate", "pairs.withdrawn"} <= accounts


def test_every_account_of_what_is_held_back_has_a_row_of_its_own_words() -> None:
    assert [account for account in sorted(_accounts()) if held_row(account) in ("", OTHER)] == []


def test_no_row_counts_what_the_gateway_never_writes() -> None:
    assert {account for accounts in HELD.values() for account in accounts} - _accounts() == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_row_has_words(language: str) -> None:
    sentences = page_sentences("balance")[language]
    assert all(sentences[f"{key}.{row}"] for row in (*HELD, OTHER) for key in ("held", "held-short"))
    assert len({sentences[f"held.{row}"] for row in (*HELD, OTHER)}) == len(HELD) + 1
    assert len({sentences[f"held-short.{row}"] for row in (*HELD, OTHER)}) == len(HELD) + 1
    assert all(sentences[f"{key}.{row}"] for row in WAITING for key in ("waiting", "waiting-short"))


def test_every_account_is_told_held_waiting_or_a_total() -> None:
    """Those left over are no uses of readings, or totals of others."""
    pairs = {account for account in ACCOUNTS if account.startswith("pairs.")}
    rest = pairs - {account for account in pairs if held_row(account)} - set(WAITING.values())
    assert rest == {"pairs.considered", "pairs.contributed", "pairs.recorded", "pairs.aggregated", "pairs.released"}


def test_a_later_gateways_reason_is_counted_and_said_to_be_unknown() -> None:
    assert held_row("pairs.withheld.something-new") == OTHER
    assert held_row("frames.rejected.something-new") == ""


def test_files_of_reasons_are_there() -> None:
    assert all(Path(ROOT / file).is_file() for file in (*_DECIDING, *_SUPPRESSING))
