"""Does the code keep to its rooms when it runs, and not only when it is read?"""

from __future__ import annotations

import ast
import itertools
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import core

ROOT = Path(__file__).resolve().parents[2]
CORE = sorted(
    module.name
    for module in pkgutil.walk_packages(core.__path__, "core.")
    if not module.name.endswith("__main__")
)

# What a rule may not ask for: the time it is. It is told.
CLOCKS = {
    ("time", "time"),
    ("time", "time_ns"),
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
}
RULE_ROOMS = ("trading", "strategy", "report", "backtest", "gate")

HEAVY = ("ccxt", "pandas", "talib", "aiohttp", "textual")


def modules_after(*statements: str) -> set[str]:
    """The modules a fresh interpreter holds after running `statements`."""
    code = ";".join([*statements, "import sys", "print('\\n'.join(sys.modules))"])
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    return set(done.stdout.split())


def test_core_runs_without_the_screen() -> None:
    loaded = modules_after(*(f"import {name}" for name in CORE))
    assert {name for name in loaded if name.split(".")[0] in ("textual", "rich", "tui")} == set()
    assert set(CORE) <= loaded


@pytest.mark.parametrize(
    "module",
    [
        "core.market.candles.candle",
        "core.strategy.config.config",
        "core.session.snapshot",
        "core.host.link",
    ],
)
def test_what_the_screen_needs_to_show_its_first_frame_is_light(module: str) -> None:
    loaded = modules_after(f"import {module}")
    assert loaded.isdisjoint({"numpy", *HEAVY})


def test_the_command_line_starts_without_what_no_command_has_asked_for() -> None:
    loaded = modules_after("from tui.cli.main import build_parser", "build_parser()")
    assert loaded.isdisjoint({"numpy", *HEAVY})


def test_validating_a_strategy_waits_for_no_heavy_library() -> None:
    assert modules_after("import core.strategy.document.document").isdisjoint(HEAVY)


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def modules(*rooms: str) -> Iterator[Path]:
    for room in rooms:
        yield from sorted((ROOT / room).rglob("*.py"))


@pytest.mark.parametrize("room", RULE_ROOMS)
def test_no_rule_asks_what_time_it_is(room: str) -> None:
    asked = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in modules(f"core/{room}")
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute)
        and node.attr in {name for _, name in CLOCKS}
        and (ast.unparse(node.value).split(".")[-1], node.attr) in CLOCKS
    ]
    assert asked == []


# What moves money on a venue, as ccxt spells it, in either of its two ways.
ORDERING = re.compile(
    r"\b(create|edit|cancel|submit)_?\w*orders?\w*\(|\w*post_?(sor_?|algo_?|batch_?)?orders?\w*\("
    r"|\b(withdraw|transfer|set_leverage|set_margin_mode|borrow\w*|repay\w*)\(",
    re.IGNORECASE,
)


def test_orders_are_placed_in_two_places_alone() -> None:
    placing = {
        str(path.relative_to(ROOT))
        for room in ("core", "tui")
        for path in (ROOT / room).rglob("*.py")
        # The embedded exchange is the other end of them.
        if "core/exchange" not in str(path) and ORDERING.search(path.read_text(encoding="utf-8"))
    }
    assert placing == {"core/trading/order_client.py", "core/trading/nautilus/child.py"}


def test_keys_are_given_to_the_two_clients_of_orders_alone() -> None:
    given = {
        str(path.relative_to(ROOT))
        for room in ("core", "tui")
        for path in (ROOT / room).rglob("*.py")
        if "core/exchange" not in str(path)
        and re.search("apiKey|api_secret=account", path.read_text(encoding="utf-8"))
    }
    assert given == {"core/trading/order_client.py", "core/trading/nautilus/child.py"}


def test_what_runs_under_another_python_imports_nothing_of_this_one() -> None:
    path = ROOT / "core" / "trading" / "nautilus" / "child.py"
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [one.name for one in node.names]
        )
    }
    assert imported - sys.stdlib_module_names == {"nautilus_trader"}


def test_every_class_that_is_read_was_prepared_when_its_module_was_imported() -> None:
    read: set[str] = set()
    prepared: set[str] = set()
    for path in modules("core", "tui"):
        for node in ast.walk(tree_of(path)):
            if not isinstance(node, ast.Call):
                continue
            match ast.unparse(node.func):
                case "prepare" | "msgspec.json.Decoder":
                    prepared.update(map(ast.unparse, node.args))
                case "msgspec.json.decode" | "msgspec.convert":
                    given = [*node.args[1:], *(one.value for one in node.keywords)]
                    read.update(map(ast.unparse, given[:1]))
    assert {"SessionManifest", "News", "Job"} <= read
    assert {kind for kind in read if kind.lstrip("_")[0].isupper()} <= prepared


def test_every_module_says_in_a_statement_what_it_does() -> None:
    beginnings = {
        str(path.relative_to(ROOT)): ast.get_docstring(tree_of(path))
        for path in modules("core", "tui")
    }
    asking = [path for path, said in beginnings.items() if "?" in (said or "?").split("\n")[0]]
    assert asking == []


# `core.text.per_cent` writes figures in per cent, their sign right behind them; a colour has one
# of its own.
APART = re.compile(r"[\d}][ \N{NO-BREAK SPACE}]%(?![ds(])")
WRITING_PER_CENT = {"core/text.py", "tui/widgets/line_view.py"}


def figures_in_per_cent(tree: ast.Module) -> Iterator[int]:
    """The lines of texts that put a sign of per cent behind a figure by hand, or apart from one."""
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)) if APART.search(text):
                yield node.lineno
            case ast.JoinedStr(values=parts):
                for one, after in itertools.pairwise(parts):
                    behind = str(after.value) if isinstance(after, ast.Constant) else ""
                    if isinstance(one, ast.FormattedValue) and behind.lstrip().startswith("%"):
                        yield node.lineno


@pytest.mark.parametrize("written", ["f'{x:.1f} %'", "f'{x:.1f}% of it'", "'95 %'", "'{:.2f} %'"])
def test_a_sign_of_per_cent_by_hand_is_found(written: str) -> None:
    assert [*figures_in_per_cent(ast.parse(written))] == [1]


def test_figures_in_per_cent_are_written_in_one_way() -> None:
    by_hand = [
        f"{name}:{line}"
        for path in modules("core", "tui")
        if (name := str(path.relative_to(ROOT))) not in WRITING_PER_CENT
        for line in figures_in_per_cent(tree_of(path))
    ]
    assert by_hand == []
