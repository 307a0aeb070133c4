"""The page itself: one file without scripts, fonts or pictures from elsewhere, for screen and paper."""

from __future__ import annotations

from html import escape
from typing import Final

from tests.privacy.measured.findings import Finding, Verdict
from tests.privacy.measured.measure import Result, attack_of
from tests.privacy.measured.page.svg import Bar, Curve, bars, curves, percent_text
from tests.privacy.measured.utility import Utility

_NAMES: Final = {"ours": "this gateway", "pass-through": "one that lets all pass", "k-only": "one that counts to 15"}
_VERDICTS: Final = {
    Verdict.MET: "The target is met.",
    Verdict.MISSED: "The target is MISSED.",
    Verdict.REPORTED: "There is no target: this is what noise does not prevent.",
}
_MECHANISMS: Final = (
    ("contracted", "day", 1, "offices, by the day"),
    ("open", "week", 1, "open data, typical week"),
    ("contracted", "window", 1, "offices, hour by hour"),
    ("exact", "day", 1, "no noise (50 homes on)"),
)
_STYLE: Final = """
:root { color-scheme: light; }
body { font: 17px/1.5 Georgia, "Times New Roman", serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; color: #111; }
h1 { font-size: 1.9rem; line-height: 1.2; }
h2 { margin-top: 2.4rem; border-top: 2px solid #111; padding-top: .6rem; }
h3 { margin: 1.8rem 0 .2rem; }
svg { width: 100%; height: auto; margin: .4rem 0; }
svg text { font: 14px Arial, Helvetica, sans-serif; fill: #111; }
svg .tick { fill: #555; font-size: 12px; }
svg .own { font-weight: bold; }
svg .grid { stroke: #ddd; }
svg .ours { fill: #12608f; }
svg .other { fill: #fff; stroke: #555; stroke-width: 1.5; }
svg .bounds { stroke: #111; stroke-width: 1.5; fill: none; }
svg line.control { stroke: #111; stroke-dasharray: 2 4; stroke-width: 1.5; }
svg line.target { stroke: #a3300b; stroke-dasharray: 8 4; stroke-width: 2; }
svg text.target { fill: #a3300b; }
svg .curve { fill: none; stroke-width: 2.2; }
svg .curve.c0 { stroke: #12608f; } svg .curve.c1 { stroke: #a3300b; }
svg .curve.c2 { stroke: #555; } svg .curve.c3 { stroke: #2c6e2f; }
svg .point.c0, svg text.c0 { fill: #12608f; } svg .point.c1, svg text.c1 { fill: #a3300b; }
svg .point.c2, svg text.c2 { fill: #555; } svg .point.c3, svg text.c3 { fill: #2c6e2f; }
table { border-collapse: collapse; width: 100%; font: 14px Arial, Helvetica, sans-serif; }
th, td { text-align: left; padding: .25rem .5rem; border-bottom: 1px solid #bbb; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
.small { font-size: .85rem; color: #333; }
.missed { color: #a3300b; font-weight: bold; }
@media print {
  @page { margin: 18mm; }
  body { font-size: 11pt; margin: 0; max-width: none; }
  section, table, svg { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  svg { max-height: 75mm; }
}
"""
_WHAT: Final = """\
<p>A city gets figures about its homes' electricity. We attacked these figures: {city}, played through over weeks, and through
three gateways. One is this one. One lets everything pass to which a home said yes. One publishes exact figures of at least 15
homes, which is what many call anonymous. An attack that fails where nothing guards a home proves nothing, so each must
succeed with the other two.</p>
<p class="small">How to read the pictures: a bar is how often the attack was right; the thin line on it is how sure that is
(19 times in 20). The dotted line is how often guessing is right, the dashed one what this gateway must stay below.</p>
"""
_NOT: Final = """\
<p>Noise protects a day, not years: who takes part for long can be recognised in time, as the attacks with a home's own
records show. Daily totals home by home are another flow, asked for by itself, and each is about one home. The attacks here
are those that we know; the records can be had as files, so that others can bring their own. That noise was drawn honestly
nobody can check from outside.</p>
"""
_SHORT: Final = """\
<table><thead><tr><th>attack</th><th class="n">right</th><th class="n">guessing</th><th class="n">at most</th>
<th></th></tr></thead><tbody>{rows}</tbody></table>
"""
_COST: Final = """\
<p>Noise costs exactness, the less the more homes stand in a figure. The curves show how wrong the figure of an hour is on
average, measured by what a home uses in an hour. Below 50 homes no open data is published.</p>
"""


def page(result: Result) -> str:
    """Return the page."""
    by_attack: dict[str, list[Finding]] = {}
    for found in result.attacks:
        by_attack.setdefault(found.id, []).append(found)
    summary = "".join(_row(found) for found in result.attacks if found.gateway == "ours")
    body = "".join(
        (
            "<h1>What can be found out about one home</h1>",
            _WHAT.format(city=escape(result.city)),
            "<h2>In short</h2>",
            _SHORT.format(rows=summary),
            "<h2>The attacks</h2>",
            *(_section(findings) for findings in by_attack.values()),
            "<h2>How exact figures still are</h2>",
            _errors(result.utility),
            "<h2>What this does not show</h2>",
            _NOT,
            f'<p class="small">Seed {result.seed}. To repeat it: <code>./dev privacy --html FILE</code>. {_cost(result)}</p>',
        )
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>What can be found out about one home</title><style>{_STYLE}</style></head>"
        f"<body><main>{body}</main></body></html>\n"
    )


def _row(found: Finding) -> str:
    verdict = '<span class="missed">missed</span>' if found.verdict is Verdict.MISSED else escape(found.verdict)
    target = "" if found.target is None else percent_text(found.target)
    return (
        f'<tr><td>{escape(attack_of(found).title)}</td><td class="n">{percent_text(found.p)}</td>'
        f'<td class="n">{percent_text(found.control)}</td><td class="n">{target}</td><td>{verdict}</td></tr>'
    )


def _section(findings: list[Finding]) -> str:
    ours = next(found for found in findings if found.gateway == "ours")
    attack = attack_of(ours)
    told = attack.told.format(k=f"{ours.k:,}", n=f"{ours.n:,}", p=percent_text(ours.p), control=percent_text(ours.control))
    shown = [Bar(_NAMES[found.gateway], found.p, found.lo, found.hi, found.gateway == "ours") for found in findings]
    return (
        f"<section><h3>{escape(attack.title)}</h3><p>{escape(told)} {escape(_VERDICTS[ours.verdict])}</p>"
        f"{bars(told, shown, ours.control, ours.target)}"
        f'<p class="small">The attacker is {escape(attack.part("Attacker"))}</p></section>'
    )


def _errors(utility: list[Utility]) -> str:
    shown = []
    for mechanism, publish, hours, label in _MECHANISMS:
        points = [
            (one.homes, one.rel_error)
            for one in utility
            if (one.mechanism, one.publish, one.hours) == (mechanism, publish, hours)
        ]
        shown.append(Curve(label, points))
    rows = "".join(
        f"<tr><td>{escape(label)}</td>"
        + "".join(f'<td class="n">{percent_text(error)}</td>' for _, error in curve.points)
        + "</tr>"
        for (_, _, _, label), curve in zip(_MECHANISMS, shown, strict=True)
    )
    homes = "".join(f'<th class="n">{homes:g}</th>' for homes, _ in shown[0].points)
    return (
        f"<section>{_COST}"
        f"{curves('Error by number of homes', shown, 'homes in a figure')}"
        f"<table><thead><tr><th>mean error of an hour, by homes</th>{homes}</tr></thead><tbody>{rows}</tbody></table></section>"
    )


def _cost(result: Result) -> str:
    cost = result.cost
    took = f"{cost.table_mib:.1f} MiB and {cost.close_s:.1f} s"
    return f"Figures of {cost.subjects:,} homes' day take {took} on the machine that measured."
