"""Whatever a file holds, reading it gives a strategy or a refusal in printable words."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.strategy.config.problems import ConfigError
from core.strategy.document.document import Kind, read_strategy, strategy_document
from core.strategy.document.source_map import TextError
from core.strategy.document.stored_metrics import stored_metrics
from core.strategy.document.write_back import write_blocks
from core.strategy.document.yaml_text import read_yaml
from tests.unit.strategy.test_document import BLOCK, FRONT, JSON_CONFIG

pytestmark = pytest.mark.fuzz

SAME_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
MARKS = [
    *"---:{}[],&*!|>'\"%@`#?<~=\\\t\r\n \ufeff\x00\x85\u2028",
    *("---\n", "...\n", "```json\n", "```\n", "\n  "),
    *("<<: ", "!!int ", "? ", "- ", ": ", "null", "1e999", "&a ", "*a"),
]

fragments = st.lists(
    st.one_of(
        st.sampled_from(MARKS),
        st.text(max_size=6),
        st.sampled_from(["name", "backtest", "entry_conditions", FRONT, BLOCK, JSON_CONFIG]),
    ),
    max_size=30,
).map("".join)


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """A good document with some of its characters gone, doubled, moved or replaced."""
    text = draw(st.sampled_from([FRONT, FRONT + BLOCK, BLOCK, JSON_CONFIG]))
    chance = random.Random(draw(st.integers(0, 2**32 - 1)))
    for _ in range(draw(st.integers(1, 6))):
        start = chance.randrange(len(text) + 1)
        end = min(len(text), start + chance.choice([0, 1, 1, 5, 40]))
        put = chance.choice(["", chance.choice(MARKS), text[start:end] * 2])
        text = text[:start] + put + text[end:]
    return text


def read(text: str, kind: Kind | None) -> None:
    try:
        document = strategy_document(text, "source", kind)
        stored_metrics(document.config.get("backtest"))
        document.parse()
    except ConfigError as refusal:
        assert refusal.problems
        assert all(str(problem).isprintable() for problem in refusal.problems)
        assert all(line.isprintable() for line in str(refusal).split("\n"))


@given(text=st.one_of(st.text(), fragments, damaged()), kind=st.sampled_from([None, *Kind]))
def test_any_text(text: str, kind: Kind | None) -> None:
    read(text, kind)


@SAME_FOLDER
@given(data=st.binary(), name=st.sampled_from(["STRATEGY.md", "a.json", "a.yaml", "a"]))
def test_any_bytes(tmp_path: Path, data: bytes, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    try:
        read_strategy(path).parse()
    except ConfigError as refusal:
        assert refusal.problems


@SAME_FOLDER
@given(
    text=st.one_of(fragments, damaged()),
    name=st.sampled_from(["STRATEGY.md", "a.json", "a.yaml"]),
    value=st.sampled_from(["active", {"metrics": {"a": 1.5}}, {}, None, [1]]),
)
def test_writing_into_any_text(tmp_path: Path, text: str, name: str, value: object) -> None:
    path = tmp_path / name
    before = text.encode("utf-8", "replace")
    path.write_bytes(before)
    try:
        old = read_strategy(path)
        write_blocks(path, {"backtest": value})
    except ConfigError:
        assert path.read_bytes() == before
    else:
        new = read_strategy(path)
        assert new.config == {**old.config, "backtest": value}
        assert new.prose == old.prose


def yaml_outcome(text: str) -> object:
    try:
        found = read_yaml(text)
    except TextError:
        return "refused"  # in the words of the parser in Python, whichever read it first
    return found.value, found.lines, found.entries, found.is_flow


@given(damaged())
def test_yaml_is_read_alike_with_and_without_libyaml(text: str) -> None:
    if "---" in text:
        text = text.split("---")[1]
    # A question mark is left to the parser in Python, an ampersand to the composer in Python, and
    # here they stand in a comment.
    assert yaml_outcome(text) == yaml_outcome(f"{text}\n# ?\n") or "?" in text
    assert yaml_outcome(text) == yaml_outcome(f"{text}\n# &\n")
