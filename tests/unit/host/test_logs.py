"""The log keeps the newest lines, numbered, and hides what must not be shown."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from core.host import logs
from core.host.logs import KEPT, LogRing, RingHandler, read_log, recent_log, session_log
from core.session.snapshot import Level
from core.store.redaction import Redactor
from core.time_format import iso_time


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


def test_what_earlier_hosts_logged_comes_before_and_only_for_who_asks(tmp_path: Path) -> None:
    path = tmp_path / "host.log"
    path.write_text(
        "2026-11-25T10:00:00.000+00:00 info    k3x9a1pq running\n"
        "2026-11-25T11:00:00.000+00:00 warning -        feed silent\n"
    )
    log = LogRing(Redactor(), lambda: 1_800_000_000_000)
    log.add(Level.INFO, "host started")
    log.recall(recent_log(path))
    assert [line.text for line in log.after(0)] == ["host started"]
    everything = log.after(-KEPT)
    assert [line.text for line in everything] == ["running", "feed silent", "host started"]
    assert [line.number for line in everything] == [-1, 0, 1]
    assert everything[0].session_id == "k3x9a1pq"
    assert [line.text for line in log.after(-1)] == ["feed silent", "host started"]


def test_a_line_without_a_time_has_that_of_the_next_one_or_of_its_file(tmp_path: Path) -> None:
    path = tmp_path / "host.log"
    path.write_text("Traceback (most recent call last):\nMemoryError\n")
    os.utime(path, (1_764_000_000, 1_764_000_000))
    for read in (read_log, recent_log):
        assert {line.time for line in read(path)} == {1_764_000_000_000}
    path.write_text("Fatal Python error\n2026-11-25T10:00:00.000+00:00 info    -        running\n")
    for read in (read_log, recent_log):
        assert len({line.time for line in read(path)}) == 1
    assert iso_time(read_log(path)[0].time) == "2026-11-25T10:00:00Z"


def test_the_lines_of_one_session_are_found_in_all_files_before_a_time(tmp_path: Path) -> None:
    path = tmp_path / "host.log"
    assert session_log(path, "k3x9a1pq", None) == ()
    day = "2026-11-2{}T10:00:00.000+00:00 {:<7} {:<8} {}\n"
    older = [day.format(3, "info", "k3x9a1pq", "began"), day.format(3, "info", "-", "k3x9a1pq no")]
    (tmp_path / "host.log.1").write_text("".join(older))
    path.write_text(
        day.format(4, "warning", "k3x9a1pq", "stale: k3x9a1pq")
        + day.format(4, "info", "other123", "k3x9a1pq ended")
        + day.format(5, "info", "k3x9a1pq", "in the ring already")
    )
    before = read_log(path)[-1].time
    found = session_log(path, "k3x9a1pq", before)
    assert [(line.level, line.text) for line in found] == [
        (Level.INFO, "began"),
        (Level.WARNING, "stale: k3x9a1pq"),
    ]
    assert len(session_log(path, "k3x9a1pq", None)) == 3
    assert session_log(path, ".*", None) == (), "an ID is no pattern"


def test_the_ring_tells_when_it_begins() -> None:
    assert ring().begins is None
    log = ring()
    log.add(Level.INFO, "one")
    assert log.begins == 5


def test_only_the_end_of_a_long_log_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "host.log"
    line = "2026-11-25T10:00:00.000+00:00 info    -        {:06d} " + "x" * 60 + "\n"
    path.write_text("".join(line.format(number) for number in range(20_000)))
    lines = recent_log(path)
    assert 1_000 < len(lines) < 4_000
    assert lines[-1].text.startswith("019999")
    assert recent_log(tmp_path / "none.log") == ()
