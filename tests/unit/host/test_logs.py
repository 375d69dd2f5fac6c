"""The log keeps the newest lines, numbered, and hides what must not be shown."""

from __future__ import annotations

import logging

from core.host import logs
from core.host.logs import LogRing, RingHandler
from core.session.snapshot import Level
from core.store.redaction import Redactor


def ring() -> LogRing:
    redactor = Redactor()
    redactor.add("s3cr3t-key")
    return LogRing(redactor, lambda: 5)


def test_a_reader_asks_for_what_is_new() -> None:
    log = ring()
    for number in range(5):
        log.add(Level.INFO, f"line {number}", "abcd1234" if number % 2 else None)
    assert [line.number for line in log.after(3)] == [4, 5]
    assert [line.text for line in log.after(0, "abcd1234")] == ["line 1", "line 3"]
    assert log.after(5) == log.after(99) == ()


def test_only_the_newest_lines_are_kept() -> None:
    log = ring()
    for number in range(logs.KEPT + 10):
        log.add(Level.INFO, f"{number}")
    kept = log.after(0)
    assert len(kept) == logs.KEPT
    assert kept[0].number == 11
    assert [line.number for line in log.after(logs.KEPT + 8)] == [logs.KEPT + 9, logs.KEPT + 10]


def test_a_librarys_warning_and_a_faults_place_are_told_without_secrets() -> None:
    log = ring()
    logger = logging.getLogger("test of the ring")
    logger.addHandler(RingHandler(log))
    logger.info("not this")
    logger.warning("retrying\n%s", "s3cr3t-key")
    try:
        raise ValueError("bad s3cr3t-key")
    except ValueError:
        logger.exception("it failed")
    texts = [(line.level, line.text) for line in log.after(0)]
    assert texts[0] == (Level.WARNING, "test of the ring: retrying [hidden]")
    assert texts[1][0] is Level.ERROR
    assert "ValueError: bad [hidden] (at test_a_librarys_warning" in texts[1][1]
