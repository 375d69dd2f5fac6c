"""Which strategy a file holds, and what is said of one that holds none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.strategy.config.problems import ConfigError
from core.strategy.document.document import DocumentError, Kind, read_strategy, strategy_document
from tests.unit.strategy.making import config

FRONT = """\
---
name: rsi_bounce_paper
author: me            # a comment
version: 1.0
status: draft
created: 2026-11-22
symbols: [BTC/USDT]
timeframe: 4h
indicators:
  rsi: 14
entry_conditions:
  - {indicator: rsi, operator: "<", value: 30}
exit_conditions:
  - indicator: rsi
    operator: ">"
    value: 70
stop_loss_pct: 5
take_profit_pct: 15
---
"""
JSON_CONFIG = """\
{
  "name": "rsi_bounce_paper", "symbols": ["BTC/USDT"], "timeframe": "4h",
  "indicators": [{"name": "rsi", "params": {"period": 14}}],
  "entry_conditions": [{"indicator": "rsi", "operator": "lt", "value": 30}],
  "exit_conditions": [{"indicator": "rsi", "operator": "gt", "value": 70}],
  "stop_loss_pct": 5, "take_profit_pct": 15
}
"""
BLOCK = f"# My strategy\n\n```json\n{JSON_CONFIG}```\n"


def same_as_source(text: str) -> bool:
    """Whether a text holds the source document's strategy, whatever else it holds."""
    made = strategy_document(text, "text").parse().config
    expected = config()
    return all(
        getattr(made, name) == getattr(expected, name)
        for name in expected.__slots__
        if name != "extras"
    )


@pytest.mark.parametrize(
    "text",
    [
        FRONT + "# Prose\n",
        FRONT.replace("\n", "\r\n"),
        "\ufeff" + FRONT,
        FRONT.rstrip("\n"),
        "\n" + FRONT,
        "\ufeff \r\n\r\n" + FRONT,
        FRONT.replace("---\n", "", 1).replace("---\n", ""),
        JSON_CONFIG,
        "\ufeff" + JSON_CONFIG,
        BLOCK,
        BLOCK.replace("```", "~~~~"),
        BLOCK.replace("```json", "``` JSON"),
        "---\nname: rsi_bounce_paper\nstatus: draft\nsymbols: [BTC/USDT]\n---\n" + BLOCK,
        "---\nstatus: draft\n---\n```json\nno json\n```\n" + BLOCK + '```json\n{"other": 1}\n```\n',
        "---\n---\n" + BLOCK,
        FRONT + '```json\n{"pnl": 1}\n```\n```json\nbroken\n```\n',
    ],
    ids=range(16),
)
def test_a_strategy_in_every_kind_of_document_told_by_how_it_begins(text: str) -> None:
    assert same_as_source(text)


def test_a_file_is_read_by_its_name(tmp_path: Path) -> None:
    for name, text, kind in (
        ("STRATEGY.md", FRONT + "Prose.\n", Kind.MARKDOWN),
        ("a.json", JSON_CONFIG, Kind.JSON),
        ("a.YAML", FRONT[4:-4], Kind.YAML),
        ("a.yml", FRONT[4:-4], Kind.YAML),
        ("noext", JSON_CONFIG, Kind.JSON),
    ):
        path = tmp_path / name
        path.write_text(text)
        document = read_strategy(path)
        assert document.kind is kind
        assert document.parse().config.entry_conditions == config().entry_conditions
        assert document.prose == ("Prose.\n" if kind is Kind.MARKDOWN else "")


def test_the_documents_own_keys_come_along() -> None:
    document = strategy_document(FRONT, "text")
    assert document.parse().config.extras == {
        "author": "me",
        "version": 1.0,
        "status": "draft",
        "created": "2026-11-22",
    }


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("010", 10),
        ("1e-3", 0.001),
        (".5", 0.5),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("on", "on"),
        ("yes", "yes"),
        ("true", True),
        ("2026-01-02", "2026-01-02"),
        ("~", None),
        ("'5'", "5"),
        ("<<", "<<"),
    ],
)
def test_yaml_is_read_without_surprises(written: str, value: object) -> None:
    found = strategy_document(f"version: {written}", "text").config["version"]
    assert found == value
    assert type(found) is type(value)


def test_problems_are_found_at_their_lines() -> None:
    broken = (
        FRONT.replace("timeframe: 4h", "timeframe: 4hr")
        .replace('operator: "<"', "operator: less")
        .replace("value: 70", "value: seventy")
        .replace("version: 1.0", "versoin: 1.0")
        .replace("stop_loss_pct: 5\n", "")
        .replace("rsi: 14", "rsi: fourteen")
    )
    with pytest.raises(ConfigError) as refusal:
        strategy_document(broken, "text").parse()
    lines = {problem.path: problem.line for problem in refusal.value.problems}
    assert lines == {
        "versoin": 4,
        "timeframe": 8,
        "indicators.rsi": 10,
        "entry_conditions[0].operator": 12,
        "exit_conditions[0].value": 16,
    }
    assert "line 8: timeframe: found '4hr', expected one of 1m," in str(refusal.value)


def test_problems_in_a_json_block_are_found_at_the_documents_lines() -> None:
    broken = "intro\n\n" + BLOCK.replace('"value": 70', '"value": "70"')
    with pytest.raises(ConfigError) as refusal:
        strategy_document(broken, "text").parse()
    (problem,) = refusal.value.problems
    assert (problem.path, problem.line) == ("exit_conditions[0].value", 10)


def test_a_missing_key_has_no_line() -> None:
    with pytest.raises(ConfigError) as refusal:
        strategy_document(FRONT.replace("timeframe: 4h\n", ""), "text").parse()
    assert [problem.line for problem in refusal.value.problems] == [None]


STRATEGY_EXPECTED = "expected a strategy: keys like name, symbols, timeframe"

NO_DOCUMENTS = {
    "": f"line 1: found nothing, {STRATEGY_EXPECTED}",
    "hello": f"line 1: found 'hello', {STRATEGY_EXPECTED}",
    "[1]": f"line 1: found a list, {STRATEGY_EXPECTED}",
    "# Only prose": (
        "line 1: found no strategy, "
        "expected YAML front matter between two lines ---, or a ```json block"
    ),
    "---\nname: x\n# prose": (
        "line 1: found front matter without an end, expected a line --- after it"
    ),
    "---\n- 1\n---\n": "line 2: found a list, expected front matter of keys and values",
    "---\nname: x\nname: y\n---\n": "line 3: found 'name' again, expected every key once",
    '{"a": 1,\n "a": 2}': "line 2: found 'a' again, expected every key once",
    "a: &x 1\nb: *x": "line 1: found an anchor or alias, expected the values themselves",
    "a: !!python/name:os.system 1": "line 1: found a tag, expected a value without a tag",
    "a: 1\n---\nb: 2": (
        "line 2: found text that is not YAML (expected a single document in the stream "
        "but found another document), expected YAML"
    ),
    "a: [1,\n  2": (
        "line 2: found text that is not YAML (while parsing a flow sequence "
        "expected ',' or ']', but got '<stream end>'), expected YAML"
    ),
    "\ta: 1": (
        "line 1: found text that is not YAML (while scanning for the next token "
        "found character '\\t' that cannot start any token), expected YAML"
    ),
    "a: 1\nb: \x07": "line 2: found the character '\\x07', expected printable text",
    '{"a": tru}': "line 1: found 'tru}', expected a JSON value",
    '{"a": 1': "line 1: found the end, expected a comma or }",
    '{"a": 1} x': "line 1: found 'x', expected the end of the text",
    "{'a': 1}": "line 1: found \"'a': 1}\", expected a key in double quotes",
    '{"a": ' + "9" * 5000 + "}": (f"line 1: found '{'9' * 20}', expected a number of fewer digits"),
    "a: " + "9" * 5000: "found a number of very many digits, expected one of fewer digits",
    "[" * 100_000: "line 1: found a deeper nesting, expected at most 50 levels",
    "a: " + "[" * 100_000: "line 1: found a deeper nesting, expected at most 50 levels",
    "a: " + "[" * 50 + "]" * 50: "line 1: found a deeper nesting, expected at most 50 levels",
    "\n".join(" " * level + "a:" for level in range(50)) + " 1": (
        "line 50: found a deeper nesting, expected at most 50 levels"
    ),
    "a" * 300_000: "found 300000 characters, expected at most 262144",
    "---\nname: one\n---\n" + BLOCK: (
        "line 8: found another 'name' than in the front matter (line 2), "
        "expected one of the two, or the same in both"
    ),
    BLOCK + BLOCK: "line 15: found a second ```json block with a config, expected one config",
    "---\nname: x\n---\n```json\n{,}\n```\n": (
        "line 5: found ',}\\n', expected a key in double quotes"
    ),
}


@pytest.mark.parametrize(("text", "said"), NO_DOCUMENTS.items(), ids=range(len(NO_DOCUMENTS)))
def test_what_is_no_document_is_said_in_one_sentence(text: str, said: str) -> None:
    kind = Kind.MARKDOWN if text.startswith("---") else None
    with pytest.raises(DocumentError) as refusal:
        strategy_document(text, "S", kind)
    assert str(refusal.value).removeprefix("S, ").removeprefix("S: ") == said


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    latin = tmp_path / "latin.md"
    latin.write_bytes(b"---\nname: x\ndescription: \xe9\n---\n")
    large = tmp_path / "large.md"
    large.write_bytes(b"x" * (1024 * 1024 + 1))
    for path, said in (
        (tmp_path / "none.md", "found no readable file (No such file or directory)"),
        (tmp_path, "found no regular file, expected a strategy file"),
        (latin, "line 3: found the byte 0xe9, expected text in UTF-8: save it so"),
        (large, "found a larger file, expected at most 1048576 bytes"),
    ):
        with pytest.raises(DocumentError) as refusal:
            read_strategy(path)
        assert str(path) in str(refusal.value)
        assert said in str(refusal.value)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.json"
    os.mkfifo(pipe)
    with pytest.raises(DocumentError, match="no regular file"):
        read_strategy(pipe)
