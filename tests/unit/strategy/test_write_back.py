"""Results go into a document, and every other byte of it stays as it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.backtest.run import run_backtest
from core.report.stored_backtest import save_backtest
from core.strategy.config.problems import ConfigError
from core.strategy.document.document import (
    DocumentError,
    Kind,
    kind_of,
    read_strategy,
    strategy_document,
)
from core.strategy.document.write_back import text_with_blocks, write_blocks
from tests.unit.strategy.making import candles_of, config

RESULTS = {"run": "2026-11-22T10:00:00Z", "metrics": {"win_rate_pct": 62.5, "sharpe_ratio": None}}
RESULTS_YAML = """\
backtest:
  run: 2026-11-22T10:00:00Z
  metrics:
    win_rate_pct: 62.5
    sharpe_ratio: null
"""


def test_a_new_block_goes_behind_the_last_key_of_the_front_matter() -> None:
    text = "---\nname: x   # mine\n\nsymbols: [a] # two\n# end\n\n---\n\n# Prose  \nbacktest: no\n"
    assert text_with_blocks(text, Kind.MARKDOWN, {"backtest": RESULTS}) == (
        "---\nname: x   # mine\n\nsymbols: [a] # two\n"
        + RESULTS_YAML
        + "# end\n\n---\n\n# Prose  \nbacktest: no\n"
    )


def test_a_block_is_replaced_where_it_stands() -> None:
    text = (
        "---\nname: x\nbacktest:\n  # old\n  win_rate: 0.62\n  list:\n    - 1\n    - 2  # two\n"
        "\n# about the rest\nstatus: draft  # keep me\n---\nbody"
    )
    assert text_with_blocks(text, Kind.MARKDOWN, {"backtest": RESULTS, "status": "active"}) == (
        "---\nname: x\n" + RESULTS_YAML.rstrip("\n") + "  # two\n"
        "\n# about the rest\nstatus: active  # keep me\n---\nbody"
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("status: draft\nname: x", "status: active\nname: x"),
        ("status:   'draft'   # c\nname: x", "status:   active   # c\nname: x"),
        ("status:\nname: x", "status: active\nname: x"),
        ("status:  # c\nname: x", "status: active  # c\nname: x"),
        ("name: x", "name: x\nstatus: active"),
        ("name: x\n", "name: x\nstatus: active\n"),
        ("name: x\r\nrisk: y\r\n", "name: x\r\nrisk: y\r\nstatus: active\r\n"),
        ("name: x\n...\n", "name: x\nstatus: active\n...\n"),
        ("{name: x, status: draft}\n", '{name: x, status: "active"}\n'),
        ("{name: x}", '{name: x, "status": "active"}'),
        ("risk: |\n  a\n\n  b\n# c", "risk: |\n  a\n\n  b\nstatus: active\n# c"),
        ("risk: >-\n  more\n  words\n", "risk: >-\n  more\n  words\nstatus: active\n"),
        ("status: |\n  draft\nname: x", "status: active\nname: x"),
        ("name: status\nrisk: 'status: no'", "name: status\nrisk: 'status: no'\nstatus: active"),
    ],
    ids=range(14),
)  # fmt: skip
def test_a_word_in_yaml(before: str, after: str) -> None:
    assert text_with_blocks(before, Kind.YAML, {"status": "active"}) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('{"name": "x"}', '{"name": "x", "status": "active"}'),
        ('{"status" : "draft" , "name": "x"}\n', '{"status" : "active" , "name": "x"}\n'),
        ('{\n\t"name": "x"\n}', '{\n\t"name": "x",\n\t"status": "active"\n}'),
        ('{\r\n  "name": "x"\r\n}\r\n', '{\r\n  "name": "x",\r\n  "status": "active"\r\n}\r\n'),
        ("{}", '{"status": "active"}'),
    ],
)
def test_a_word_in_json(before: str, after: str) -> None:
    assert text_with_blocks(before, Kind.JSON, {"status": "active"}) == after


def test_a_block_in_json_is_indented_like_its_neighbours() -> None:
    text = '{\n    "name": "x"\n}\n'
    assert text_with_blocks(text, Kind.JSON, {"paper": {"trades": 3}}) == (
        '{\n    "name": "x",\n    "paper": {\n        "trades": 3\n    }\n}\n'
    )


def test_a_document_without_front_matter_gets_one() -> None:
    text = '# Mine\n\n```json\n{"name": "x", "indicators": []}\n```\n'
    assert text_with_blocks(text, Kind.MARKDOWN, {"status": "active"}) == (
        "---\nstatus: active\n---\n" + text
    )


def test_blank_lines_before_the_front_matter_stay() -> None:
    text = "\n \n---\nname: x\n---\nbody\n"
    assert text_with_blocks(text, Kind.MARKDOWN, {"status": "active"}) == (
        "\n \n---\nname: x\nstatus: active\n---\nbody\n"
    )


@pytest.mark.parametrize("text", ["---\n---\nbody", "---\n# only a comment\n---\n"])
def test_an_empty_front_matter_is_filled(text: str) -> None:
    changed = text_with_blocks(text, Kind.MARKDOWN, {"status": "active"})
    assert changed.count("---") == 2
    assert yaml.safe_load(changed.split("---")[1]) == {"status": "active"}


def test_a_file_keeps_its_mark_its_line_ends_and_its_mode(tmp_path: Path) -> None:
    original = "\ufeff---\r\nname: x\r\nsymbols: []  \r\n---\r\n\r\ntext without an end"
    path = tmp_path / "STRATEGY.md"
    path.write_bytes(original.encode())
    path.chmod(0o640)
    write_blocks(path, {"updated": "2026-11-22", "paper": {"trades": 1}})
    assert (
        path.read_bytes()
        == original.replace(
            "---\r\n\r\n", "updated: 2026-11-22\r\npaper:\r\n  trades: 1\r\n---\r\n\r\n"
        ).encode()
    )
    assert path.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in tmp_path.iterdir() if "tmp" in path.name] == []


@pytest.mark.parametrize("what", ["the document", "its folder"])
def test_nothing_is_written_where_a_link_leads(tmp_path: Path, what: str) -> None:
    outside = tmp_path / "outside" / "STRATEGY.md"
    outside.parent.mkdir()
    outside.write_text("---\nname: x\n---\n")
    linked = tmp_path / "x" / "STRATEGY.md"
    if what == "its folder":
        linked.parent.symlink_to(outside.parent)
    else:
        linked.parent.mkdir()
        linked.symlink_to(outside)
    run = run_backtest(config(timeframe="5m"), {"BTC/USDT": candles_of([1.0, 2.0])})
    refused = rf"found a link that leads to {outside}, expected"
    with pytest.raises(DocumentError, match=refused):
        write_blocks(linked, {"updated": "2026-11-22"})
    with pytest.raises(DocumentError, match=refused):
        save_backtest(linked, run, {"BTC/USDT": candles_of([1.0, 2.0])}, 0)
    assert outside.read_text() == "---\nname: x\n---\n"
    assert list(outside.parent.iterdir()) == [outside]
    write_blocks(outside, {"updated": "2026-11-22"})
    assert "updated" in outside.read_text()


def test_writing_the_same_again_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "STRATEGY.md"
    path.write_text("---\nname: x\n---\n")
    write_blocks(path, {"backtest": RESULTS, "status": "active"})
    once = path.read_bytes()
    write_blocks(path, {"backtest": RESULTS, "status": "active"})
    assert path.read_bytes() == once
    assert read_strategy(path).config == {"name": "x", "backtest": RESULTS, "status": "active"}


def test_only_own_keys_are_written(tmp_path: Path) -> None:
    path = tmp_path / "STRATEGY.md"
    path.write_text("---\nname: x\n---\n")
    with pytest.raises(ValueError, match="not name"):
        write_blocks(path, {"name": "y"})
    assert path.read_text() == "---\nname: x\n---\n"


def test_a_layout_that_cannot_be_kept_is_refused_and_left_alone(tmp_path: Path) -> None:
    # The block scalar keeps the empty lines behind it: a key set between them would take them.
    path = tmp_path / "a.yaml"
    text = "description: |+\n  words\n\n\n# comment\n"
    path.write_text(text)
    with pytest.raises(DocumentError, match="cannot be set without changing other lines"):
        write_blocks(path, {"status": "active"})
    assert path.read_text() == text


def test_a_broken_document_is_not_written_to(tmp_path: Path) -> None:
    path = tmp_path / "STRATEGY.md"
    path.write_text("---\nname: x\nname: y\n---\n")
    with pytest.raises(DocumentError, match="every key once"):
        write_blocks(path, {"status": "active"})


words = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Co", "Cn")), max_size=12
)
leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    words,
    st.sampled_from(["1e-3", "010", "yes", "null", "---", "- a", "#", "2026-01-01", "", "~", "<<"]),
)
values = st.recursive(
    leaves,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(words, inner, max_size=3)),
    max_leaves=6,
)
own = st.fixed_dictionaries(
    {},
    optional={
        "backtest": values,
        "paper": st.dictionaries(words, values, max_size=3),
        "status": st.sampled_from(["draft", "active"]),
        "updated": st.sampled_from(["2026-11-22", "2026-11-22T00:00:00Z"]),
    },
)


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, str]:
    """A document of some kind and layout, and its suffix."""
    keys = {"name": "x", **draw(own), "description": draw(words)}
    items = draw(st.permutations(list(keys.items())))
    line_end = draw(st.sampled_from(["\n", "\r\n"]))
    if draw(st.booleans()):
        indent = draw(st.sampled_from([None, 2, "\t"]))
        text = json.dumps(dict(items), indent=indent, ensure_ascii=draw(st.booleans()))
        return text.replace("\n", line_end), ".json"
    lines = []
    for key, value in items:
        block = yaml.safe_dump({key: value}, default_flow_style=False, allow_unicode=True)
        flow = f"{key}: {json.dumps(value, ensure_ascii=False)}\n"
        lines.append(draw(st.sampled_from([block, flow])))
        lines.append(draw(st.sampled_from(["", "\n", "# comment\n", "   # far\n"])))
    inside = "".join(lines).replace("\n", line_end)
    if draw(st.booleans()):
        return inside, ".yaml"
    mark = draw(st.sampled_from(["", "\ufeff"]))
    return f"{mark}---{line_end}{inside}---{line_end}prose {draw(words)}", ".md"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(document=documents(), blocks=own)
def test_any_block_into_any_document(
    tmp_path: Path, document: tuple[str, str], blocks: dict[str, Any]
) -> None:
    text, suffix = document
    path = tmp_path / f"document{suffix}"
    path.write_bytes(text.encode())
    try:
        before = read_strategy(path)
    except ConfigError:
        return
    try:
        write_blocks(path, blocks)
    except DocumentError:
        assert path.read_bytes() == text.encode()
        return
    after = read_strategy(path)
    assert after.config == {**before.config, **blocks}
    assert after.prose == before.prose


@given(document=documents(), key=st.sampled_from(["backtest", "paper", "status", "updated"]))
def test_a_new_key_only_adds_to_the_text(document: tuple[str, str], key: str) -> None:
    text, suffix = document
    try:
        before = strategy_document(text, "text", kind_of(suffix))
    except ConfigError:
        return
    if key in before.config:
        return
    after = text_with_blocks(text, before.kind, {key: {"a": [1, 2]}})
    assert same_beginning(text, after) + same_beginning(text[::-1], after[::-1]) >= len(text)


def same_beginning(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((number for number, (a, b) in pairs if a != b), min(len(one), len(other)))


def test_results_in_yaml_read_back_as_they_were() -> None:
    text = text_with_blocks("name: x\n", Kind.YAML, {"paper": {"a": "1e-3", "b": 1e-5, "c": "on"}})
    assert strategy_document(text, "text", Kind.YAML).config["paper"] == {
        "a": "1e-3",
        "b": 1e-5,
        "c": "on",
    }
