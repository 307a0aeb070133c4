"""Questions as a gateway puts them to a household, over the shipped rules, for tests of the pages of one's own answers."""

from __future__ import annotations

from typing import Any

from consent.citizen_messages import (
    AnswerOffered,
    AnswersChanged,
    ConsentProposed,
    OwnReadings,
    ProofWanted,
    QuestionRow,
    Questions,
    QuestionShown,
    ReadingsOf,
    RequestOutcome,
    SeenByCity,
)
from consent.messages import ConsentChanged, Hex, Id, JsonObject, MessageShown, QuantityExposed
from tests.support.portal import NOW_MS, SaidHome

FLOW = "energy-hourly"
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
TODAY_MS = NOW_MS // DAY_MS * DAY_MS
TOMORROW_MS = TODAY_MS + DAY_MS
NUMBER = 2417
CHALLENGE = Hex(bytes(range(32)))


def row(flow: str = FLOW, **others: Any) -> QuestionRow:
    """Return a question that nobody answered, but for what is given."""
    usual: dict[str, Any] = {
        "flow": flow,
        "own": "",
        "answer": "",
        "counts": "no-consent",
        "held_back_by_another": False,
        "text": f"Nothing about you leaves for {flow}.",
        "since_ms": 0,
        "expiry_ms": None,
        "log_index": -1,
        "scope": flow,
        "is_asked": False,
        "rests_until_ms": 0,
    }
    return QuestionRow(**{**usual, **others})


def permitted(flow: str = FLOW, answer: str = "yes", **others: Any) -> QuestionRow:
    """Return a question that was answered by something that counts."""
    said = {"own": "Given", "answer": answer, "counts": "permits", "text": "Your readings leave inside a figure."}
    return row(flow, **{**said, "since_ms": NOW_MS - DAY_MS, "log_index": NUMBER, **others})


def seen(hours: int = 24, width: int = 1, **others: Any) -> list[SeenByCity]:
    """Return what the city would have seen of the day before today, in windows of some hours."""
    begin_ms = TODAY_MS - DAY_MS
    usual: dict[str, Any] = {
        "property": "consumption",
        "unit": "kW.h",
        "statistic": "sum",
        "cell": "riverside",
        "is_alone": False,
        "homes": 20,
        "spread": 5.0,
    }
    return [
        SeenByCity(
            **{**usual, "value": f"{0.1 * (1 + at % 5):.2f}", **others},
            begin_ms=begin_ms + at * HOUR_MS,
            end_ms=begin_ms + (at + width) * HOUR_MS,
        )
        for at in range(0, hours, width)
    ]


def exposed(text: str = "Someone who knows everything about all others is right 84 times in 100.") -> QuantityExposed:
    """Return odds."""
    return QuantityExposed(
        quantity="electricity",
        properties=["consumption"],
        telling="noisy",
        period="day",
        mu=2.0,
        odds=0.84,
        longer_odds=1.0,
        text=text,
    )


def offer(answer: str, **others: Any) -> AnswerOffered:
    """Return an answer that is offered."""
    usual: dict[str, Any] = {
        "answer": answer,
        "limits": JsonObject({"time": "4h"} if answer == "less" else {}),
        "is_more": answer in ("yes", "less"),
        "disclosure": JsonObject({} if answer == "no" else {"time": "4h" if answer == "less" else "1h"}),
        "reason": "",
        "text": "" if answer == "no" else f"Your readings leave for {answer}.",
        "retention_days": 0 if answer == "no" else 730,
        "exposures": [] if answer == "no" else [exposed()],
        "seen": {"no": [], "less": seen(width=4)}.get(answer) if answer in ("no", "less") else seen(),
    }
    return AnswerOffered(**{**usual, **others})


def question(**others: Any) -> QuestionShown:
    """Return a question with its three answers, which nobody answered, but for what is given."""
    usual: dict[str, Any] = {
        "row": row(),
        "offered": [offer("yes"), offer("less"), offer("no")],
        "now": None,
        "axes": {
            "time": ["day", "4h", "1h"],
            "space": ["city", "district"],
            "group": ["30", "20", "15"],
            "precision.consumption": ["1", "0.1", "0.01"],
        },
        "properties": ["consumption"],
        "profile": "meter",
        "zone": "north-quay",
        "since_start_ms": NOW_MS - 40 * HOUR_MS,
        "heard_ms": NOW_MS - 600_000,
        "yes_from_ms": 0,
        "counts_from_ms": TOMORROW_MS,
    }
    return QuestionShown(**{**usual, **others})


def readings(*values: str, **others: Any) -> OwnReadings:
    """Return readings of a meter, one a quarter of an hour, the last just now."""
    last_ms = NOW_MS // 900_000 * 900_000
    told = [(last_ms - 900_000 * back, value) for back, value in enumerate(reversed(values))][::-1]
    series = ReadingsOf(
        device=Hex(bytes(16)), profile="meter", zone="north-quay", property="consumption", unit="kW.h", readings=told
    )
    usual: dict[str, Any] = {
        "since_start_ms": NOW_MS - 40 * HOUR_MS,
        "hours": 48,
        "slot_minutes": 15,
        "series": [series] if values else [],
    }
    return OwnReadings(**{**usual, **others})


def questions(*rows: QuestionRow, messages: list[MessageShown] | None = None) -> Questions:
    """Return all questions of a household."""
    return Questions(now_ms=NOW_MS, flows=list(rows), messages=messages or [])


def message(kind: str, text: str, time_ms: int = NOW_MS) -> MessageShown:
    """Return a message."""
    return MessageShown(time_ms=time_ms, kind=kind, scope="", text=text)


def changed(status: str = "Withdrawn", number: int = NUMBER + 1, handed_over: list[int] | None = None) -> AnswersChanged:
    """Return an answer that took force."""
    change = ConsentChanged(
        log_index=number,
        log_indices=[number],
        status=status,
        scope=FLOW,
        handed_over=handed_over or [],
        undecided=[Id(bytes(16))] if status == "Given" else [],
    )
    return AnswersChanged(time_ms=NOW_MS, changes=[change])


def proposed(text: str = "Your readings leave inside a figure of the hour.") -> ConsentProposed:
    """Return a record that a passkey is to sign."""
    proof = ProofWanted(challenge=CHALLENGE, relying_party="portal.ribera.example", allow=[b"one", b"two"])
    return ConsentProposed(proof=proof, is_more=True, text=text)


def asked_home(shown: QuestionShown | None = None, *rows: QuestionRow, **says: object) -> SaidHome:
    """Return a citizens' door that puts a question; more of what it says is given by method, dots as underscores."""
    home = SaidHome()
    found = shown or question()
    home.says = {
        "question.show": found,
        "question.list": questions(*(rows or (found.row,))),
        "readings.show": readings(*["0.1", "0.2", "0.4"] * 20),
        "consent.less": changed(),
        "consent.propose": proposed(),
        "consent.prove": changed("Given"),
        "request.outcome": RequestOutcome(is_done=False, method="", time_ms=0, log_indices=[]),
        **{method.replace("_", "."): said for method, said in says.items()},
    }
    return home


def sent(home: SaidHome, method: str) -> Any:
    """Return the parameters of the only question of a method that was put."""
    (found,) = [params for name, params, _, _ in home.asked if name == method]
    return found
