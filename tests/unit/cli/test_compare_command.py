"""compare: which sources it finds, what it prints, saves and refuses."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.host.host import Host
from core.market.candles.timeframes import Timeframe
from core.market.files.candle_files import write_candles
from core.tools import backtest
from tests.unit.cli.conftest import Run
from tests.unit.cli.hosted import hosted
from tests.unit.cli.test_session_commands import state_of
from tests.unit.cli.test_strategy_commands import rsi_bounce, waves
from tests.waiting import until_blocking

DAY = 86_400_000
START = 1_700_006_400_000
PROSE = "\r\n# Notes  \r\n\r\nSomething a person wrote.\t\r\n"
SAMPLE = {
    "backtest": {"win_rate": 0.62, "pf": 1.8, "max_drawdown": "-8.0%", "sharpe": 1.6, "trades": 45},
    "paper": {"win_rate": 0.58, "pf": 1.5, "max_drawdown": "-11.0%", "sharpe": 1.2, "trades": 12},
}


@pytest.fixture
def document(workspace: Path) -> Path:
    return strategy_in(workspace)


def strategy_in(workspace: Path, **more: Any) -> Path:
    path = workspace / "strategies" / "rsi_bounce" / "STRATEGY.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    front = "\r\n".join(f"{key}: {json.dumps(one)}" for key, one in (rsi_bounce() | more).items())
    path.write_bytes(f"---\r\n{front}\r\n---\r\n{PROSE}".encode())
    return path


def live_trade(number: int, **changes: Any) -> str:
    """A live trade of a hundred in quote currency, every second one a gain."""
    won = number % 2 == 0
    record = {
        "ts": START + number * 600_000,
        "id": str(number),
        "symbol": "BTC/USDT",
        "side": "buy",
        "price": 100.0,
        "amount": 1.0,
        "status": "closed",
        "close_ts": START + number * 600_000 + 300_000,
        "pnl": 1.5 if won else -1.0,
        "source": "strategy:rsi_bounce",
    }
    return json.dumps(record | changes) + "\n"


def file_of(folder: Path, timeframe: Timeframe = Timeframe.H1, candles: int = 500) -> Path:
    path = folder / f"BTCUSDT-{timeframe}.csv"
    write_candles(path, waves(timeframe, candles))
    return path


def replayed(run: Run, host: Host, data: Path) -> str:
    """The ID of a session that has replayed the file."""
    started = run("start", "rsi_bounce", "--feed", "replay", "--data", data, "--json")
    session_id: str = started.json["session_id"]
    until_blocking(lambda: state_of(run, session_id) == "stopped")
    return session_id


def test_the_documents_sample_is_too_little_to_tell(run: Run, workspace: Path) -> None:
    strategy_in(workspace, **SAMPLE)
    lines = [live_trade(n, pnl=1.0 if n < 5 else -0.4) for n in range(8)]
    (workspace / "trades.jsonl").write_text("".join(lines), encoding="utf-8")
    table = run("compare", "rsi_bounce", "--balance", 100).out
    for row in (
        "           | Backtest | Paper  | Live\n",
        "Win Rate   | 62%      | 58%    | 62%\n",
        "PF         | 1.8      | 1.5    | 4.17\n",
        "Sharpe     | 1.6      | 1.2    |",
        "Trades     | 45       | 12     | 8\n",
    ):
        assert row in table
    found = run("compare", "rsi_bounce", "--json").json
    assert found["verdict"]["state"] == "open"
    assert found["verdict"]["sealed"] is False
    assert "Backtest, 95%: win rate 47.6–74.9% (for one look)" in found["intervals"]
    assert "Paper, 95%: win rate 32.0–80.7% (for one look)" in found["intervals"]


def test_nothing_to_compare_says_how_to_get_it(run: Run, document: Path) -> None:
    done = run("compare", "rsi_bounce")
    assert done.code == 3
    for hint in ("papertape backtest rsi_bounce", "papertape start rsi_bounce", "trades.jsonl"):
        assert hint in done.err


def test_a_report_draws_its_trades_anew(
    run: Run, workspace: Path, document: Path, tmp_path: Path
) -> None:
    with hosted(workspace) as host:
        session_id = replayed(run, host, file_of(tmp_path, candles=2_500))
        report = run("report", session_id, "--json", "--resample", 200).json
        words = run("report", session_id, "--resample", 200).out
        refused = run("report", session_id, "--resample", 0)
    expected = report["expectation"]
    assert expected["trades"] == len(report["trades"]) >= 20
    assert expected["drawdown_pct"]["low"] < expected["drawdown_pct"]["high"]
    assert f"What to expect of {expected['trades']} such trades" in words
    assert refused.code == 2
    assert "0 draws: expected 1 to 100,000" in refused.err


def test_candles_of_another_market_are_not_the_backtests_own(
    run: Run, workspace: Path, document: Path, tmp_path: Path
) -> None:
    assert run("backtest", "rsi_bounce", "--data", file_of(tmp_path), "--save").code == 0
    other = tmp_path / "other.csv"  # of the same period, under the same symbol
    candles = waves(Timeframe.H1, 500)
    prices = {name: getattr(candles, name) / 20 for name in ("open", "high", "low", "close")}
    write_candles(other, replace(candles, **prices))
    with hosted(workspace) as host:
        session_id = replayed(run, host, other)
        found = run("compare", "rsi_bounce", "--session", session_id, "--json").json
    on = "over the backtest's own period, on candles of other prices"
    assert found["layers"]["own_candles"] is False
    assert found["verdict"]["reason"] == f"the sessions ran {on}: that proves decisions only"
    assert f"{on}, which proves decisions and nothing else" in found["layers"]["edge"]["text"]
    assert "own candles" not in found["text"]


def test_candles_of_nearly_the_same_prices_are_not_the_backtests_own(
    run: Run, workspace: Path, document: Path, tmp_path: Path
) -> None:
    """Another exchange's: the backtest's entries lie inside them, and were not made on them."""
    assert run("backtest", "rsi_bounce", "--data", file_of(tmp_path), "--save").code == 0
    near = tmp_path / "near.csv"
    candles = waves(Timeframe.H1, 500)
    prices = {name: getattr(candles, name) * 1.0002 for name in ("open", "high", "low", "close")}
    write_candles(near, replace(candles, **prices))
    with hosted(workspace) as host:
        session_id = replayed(run, host, near)
        found = run("compare", "rsi_bounce", "--session", session_id, "--json").json
    assert found["layers"]["own_candles"] is False
    assert found["verdict"]["reason"] == (
        "the sessions ran over the backtest's own period: that proves decisions only"
    )


def test_a_session_beside_its_promise_and_its_replay(
    run: Run, workspace: Path, document: Path, tmp_path: Path
) -> None:
    data = file_of(tmp_path)
    assert run("backtest", "rsi_bounce", "--data", data, "--save").code == 0
    assert (document.parent / "STRATEGY.backtest.json").is_file()
    with hosted(workspace) as host:
        session_id = replayed(run, host, data)
        # Replays are not counted unless they are named.
        assert set(run("compare", "rsi_bounce", "--json").json["columns"]) == {"backtest"}
        found = run("compare", "rsi_bounce", "--session", session_id, "--json").json
        report = run("report", session_id, "--json", "--equity").json
        trades = run("report", session_id, "--format", "csv").out
        equity = run("report", session_id, "--format", "equity-csv").out
    assert set(found["columns"]) == {"backtest", "paper"}
    assert found["columns"]["backtest"]["metrics"] == found["columns"]["paper"]["metrics"]
    # The promise is over the very period of the session: the two are judged on their pairs.
    assert found["replay"] is None
    assert found["verdict"]["state"] == "open"
    assert found["layers"]["own_candles"] is True
    assert found["layers"]["decisions"]["state"] == "kept"
    assert found["layers"]["decisions"]["differing"] == 0
    assert found["verdict"]["reason"] == (
        "the sessions ran on the backtest's own candles: that proves decisions only"
    )
    assert found["layers"]["costs"]["break_even_cost_bp"] == report["metrics"]["break_even_cost_bp"]
    assert "are the same" in found["divergence"]["summary"]
    assert found["regimes"]["backtest"] == found["regimes"]["paper"]
    assert report["comparison"]["divergence"] == found["divergence"]
    assert report["recommendation"] == found["recommendation"]
    folder = workspace / "sessions" / session_id
    assert "Strategy Validation" in (folder / "report.md").read_text(encoding="utf-8")
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "Backtest</text>" in page
    assert "http" not in page.replace("http-equiv", "")
    assert (folder / "trades.csv").read_text() == trades
    assert (folder / "equity.csv").read_text() == equity
    assert len(trades.splitlines()) == len(report["trades"]) + 1
    assert len(equity.splitlines()) == len(report["equity"]) + 1
    # The same from the files, with no host, and from the tool call.
    assert run("compare", "rsi_bounce", "--session", session_id).code == 0
    answer = backtest(
        action="compare",
        strategy_config=rsi_bounce(),
        session_id=session_id,
        workspace=workspace,
    )
    for key in ("columns", "rows", "divergence", "assessment", "recommendation"):
        assert json.loads(json.dumps(answer[key])) == found[key]


def test_copies_of_a_session_count_as_one_and_are_cut_to_a_period(
    run: Run, workspace: Path, document: Path, tmp_path: Path
) -> None:
    data = file_of(tmp_path)
    with hosted(workspace) as host:
        ids = [replayed(run, host, data) for _ in range(3)]
    one = run("compare", "rsi_bounce", "--session", ids[0], "--json").json
    named = [word for one_id in ids for word in ("--session", one_id)]
    both = run("compare", "rsi_bounce", *named, "--json").json
    trades = one["columns"]["paper"]["metrics"]["total_trades"]
    assert trades > 4
    assert both["columns"]["paper"]["metrics"]["total_trades"] == trades
    assert both["divergence"]["matched"] == trades
    assert sorted(both["layers"]["copies"]) == sorted(ids[1:])
    assert any("3 sessions ran the same config" in note for note in both["notes"])
    cut = run("compare", "rsi_bounce", *named, "--since", "2023-11-25", "--json").json
    counted = cut["columns"]["paper"]["metrics"]["total_trades"]
    assert 0 < counted < trades
    assert cut["divergence"]["matched"] == counted
    assert cut["columns"]["backtest"]["metrics"]["total_trades"] == counted


def test_save_shows_the_difference_and_keeps_every_other_byte(
    run: Run, workspace: Path, document: Path, tmp_path: Path
) -> None:
    with hosted(workspace) as host:
        session_id = replayed(run, host, file_of(tmp_path))
    before = document.read_bytes()
    done = run("compare", "rsi_bounce", "--session", session_id, "--save")
    assert done.code == 0
    (written,) = (line for line in done.out.splitlines() if line.startswith("+  session_id:"))
    assert session_id in written  # in quotes where it is all digits
    after = document.read_bytes()
    assert after.startswith(before[: before.index(b"---\r\n\r\n# Notes")])
    assert after.endswith(PROSE.encode())
    assert b"observations:" in after
    config = run("validate", "rsi_bounce", "--json").json
    assert config["valid"]
    # What was saved is the paper column of the strategy when no session is there.
    (workspace / "sessions").rename(workspace / "gone")
    assert "paper" in run("compare", "rsi_bounce", "--json").json["columns"]


def test_a_hundred_thousand_live_trades_take_less_than_two_seconds(
    run: Run, workspace: Path
) -> None:
    strategy_in(workspace, **SAMPLE)
    lines = [live_trade(number) for number in range(100_000)]
    lines[10:10] = ["not a trade\n"]
    (workspace / "trades.jsonl").write_text("".join(lines), encoding="utf-8")
    began = time.process_time()
    done = run("compare", "rsi_bounce", "--balance", 10_000, "--json")
    took = time.process_time() - began
    assert done.json["columns"]["live"]["metrics"]["total_trades"] == 100_000
    assert any("1 line is no trade" in note for note in done.json["notes"])
    assert took < 2


def test_only_trades_closed_in_the_stated_period_count(run: Run, workspace: Path) -> None:
    strategy_in(workspace, **SAMPLE)
    lines = [live_trade(n) for n in range(1_000)]
    (workspace / "trades.jsonl").write_text("".join(lines), encoding="utf-8")
    stated = ("--since", "2023-11-16", "--until", "2023-11-17")
    found = run("compare", "rsi_bounce", *stated, "--json").json
    assert found["columns"]["live"]["metrics"]["total_trades"] == 144
    assert any("not cut to the period" in note for note in found["notes"])


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--session", "zz99zz99"), 3, "no session 'zz99zz99'"),
        (("--session", "../etc"), 3, "no session"),
        (("--balance", "-5"), 2, "above 0"),
        (("--since", "2024-02-01", "--until", "2024-01-01"), 2, "before --until"),
        (("--since", "soon"), 2, "expected a time"),
        (("--live", "nowhere.jsonl"), 3, "no such file"),
        (("--save",), 2, "name it with --session"),
    ],
)
def test_refusals(
    run: Run, workspace: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    strategy_in(workspace, **SAMPLE)
    done = run("compare", "rsi_bounce", *arguments)
    assert done.code == code
    assert words in done.err


def test_a_session_whose_strategy_is_gone_is_compared_by_what_it_was_started_with(
    run: Run, workspace: Path, tmp_path: Path
) -> None:
    document = strategy_in(workspace)
    with hosted(workspace) as host:
        session_id = replayed(run, host, file_of(tmp_path))
    by_session = run("compare", "--session", session_id, "--json").json
    assert by_session == run("compare", "rsi_bounce", "--session", session_id, "--json").json
    document.unlink()
    for named in ((), ("rsi_bounce",)):
        found = run("compare", *named, "--session", session_id, "--json").json
        assert found["strategy"] == "rsi_bounce"
        assert found["columns"]["paper"] == by_session["columns"]["paper"]
    for wrong in (("other", "--session", session_id), ("rsi_bounce",), ("--session", "zzzzzzzz")):
        done = run("compare", *wrong)
        assert done.code == 3, done.err
