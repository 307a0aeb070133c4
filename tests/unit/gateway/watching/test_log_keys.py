"""Every key of a log line is in the list, every line has a constant text, and what is not in the list is not logged."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache

import structlog
from structlog.testing import capture_logs

from gateway.service import set_up_logging
from gateway.watching.log_keys import LEFT_OUT, LOG_KEYS, known_keys_alone
from tests.support.checkout import ROOT

WRITTEN_BY_STRUCTLOG = {"event", "level", "timestamp", "exception", "exc_info"}


@cache
def logging_modules() -> dict[str, ast.Module]:
    """Return the modules that log, parsed, by their place."""
    paths = sorted([*(ROOT / "gateway").rglob("*.py"), *(ROOT / "consent").rglob("*.py")])
    texts = {path.relative_to(ROOT).as_posix(): path.read_text() for path in paths}
    return {place: ast.parse(text) for place, text in texts.items() if "structlog" in text}


def log_calls() -> Iterator[tuple[str, ast.Call]]:
    """Yield each call that writes a log line, with its place."""
    for place, module in logging_modules().items():
        for node in ast.walk(module):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _is_logger(node.func.value):
                yield f"{place}:{node.lineno}", node


def _is_logger(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "_log"


def test_keys_of_all_lines_are_in_the_list_and_no_others_are() -> None:
    """Whoever logs something new has to come by the list, where somebody asks what it tells."""
    given = {str(keyword.arg) for _, call in log_calls() for keyword in call.keywords}
    assert {"problem", "sink"} <= given
    assert given | WRITTEN_BY_STRUCTLOG == LOG_KEYS


def test_text_of_a_line_is_constant() -> None:
    """Nothing is written into it, such as a topic: what varies has a key."""
    varying = [
        place
        for place, call in log_calls()
        if len(call.args) != 1 or not isinstance(call.args[0], ast.Constant) or any(each.arg is None for each in call.keywords)
    ]
    assert not varying


def test_loggers_are_where_they_are_looked_for() -> None:
    """A logger by another name, or one of another library, would go past the test."""
    made = [
        f"{place}:{node.lineno}"
        for place, module in logging_modules().items()
        for node in ast.walk(module)
        if isinstance(node, ast.Assign | ast.AnnAssign) and "structlog.get_logger" in ast.unparse(node)
        if not (isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_log")
    ]
    assert not made


def test_what_is_not_in_the_list_is_left_out_and_counted() -> None:
    """Neither its value nor its name."""
    kept = known_keys_alone(None, "", {"event": "e", "topic": "t/1", "sink": "city", "household": 3})
    assert kept == {"event": "e", "sink": "city", LEFT_OUT: 2}
    assert known_keys_alone(None, "", {"event": "e", "sink": "city"}) == {"event": "e", "sink": "city"}


def test_running_gateway_logs_by_the_list() -> None:
    """It comes before anything is written."""
    before = structlog.get_config()
    set_up_logging()
    try:
        assert known_keys_alone in structlog.get_config()["processors"]
        assert structlog.get_config()["processors"].index(known_keys_alone) == 0
    finally:
        structlog.configure(**before)


def test_logger_that_has_logged_follows_what_is_set_up_after_it() -> None:
    """Set up twice: what a module has logged before keeps no former setting."""
    before, logger = structlog.get_config(), structlog.get_logger()
    set_up_logging()
    try:
        logger.debug("not written")
        set_up_logging()
        with capture_logs() as logged:
            logger.info("written")
        assert [each["event"] for each in logged] == ["written"]
    finally:
        structlog.configure(**before)
