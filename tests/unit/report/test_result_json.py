"""A result's JSON: the keys of docs/formats.md §6, ISO times, and nothing that JSON cannot hold."""

from __future__ import annotations

from typing import Any

import orjson

from core.market.candles.timeframes import HOUR
from core.report.result import RunResult, result_to_json, trade_from_json, trade_to_json
from core.strategy.config.canonical import config_to_dict
from core.strategy.config.parsing import parse_config
from core.time_format import iso_time, parse_time, short_duration
from core.trading.values import Addition, ExitReason, Obstacle, TradePart
from tests.unit.report.making import START, config, result, trade


def trades_of(run: RunResult) -> Any:
    return result_to_json(run)["trades"]


def test_the_object_has_the_documented_keys() -> None:
    written = result_to_json(result([trade(5.0)], [10_000.0, 10_005.0], warnings=("careful",)))
    assert list(written)[:14] == [
        "strategy", "symbols", "timeframe", "period", "fill_on", "fees", "starting_balance",
        "ending_balance", "metrics", "trades", "open_trades", "warnings", "diagnosis",
        "quality_flags",
    ]  # fmt: skip
    assert written["period"] == {
        "start": "2024-01-01T00:00:00Z",
        "end": "2024-01-01T01:00:00Z",
        "candles": 2,
    }
    assert written["ending_balance"] == 10_005.0
    assert written["warnings"] == ["careful"]
    assert written["rules_version"] == 1
    assert "equity" not in written
    assert orjson.loads(orjson.dumps(written))["metrics"]["total_trades"] == 1


def test_a_trade_says_when_in_iso_utc() -> None:
    (written,) = trades_of(result([trade(5.0, candle=2, held=3)]))
    assert written["signal_time"] == "2024-01-01T02:00:00Z"
    assert written["entry_time"] == "2024-01-01T03:00:00Z"
    assert written["exit_time"] == "2024-01-01T06:00:00Z"
    assert (written["side"], written["exit_reason"]) == ("long", "signal")
    assert "entry_filled_at" not in written


def test_what_only_a_session_knows_is_added_where_known() -> None:
    filled = trade(5.0, entry_filled_at=START + HOUR + 250, candle_entry_price=99.5, seen_late=True)
    (written,) = trades_of(result([filled]))
    assert written["entry_filled_at"] == "2024-01-01T01:00:00.250Z"
    assert written["candle_entry_price"] == 99.5
    assert written["seen_late"] is True


def test_equity_comes_on_request() -> None:
    written = result_to_json(result(equity=[10_000.0, 9_990.0]), equity=True)
    assert written["equity"] == [
        ["2024-01-01T00:00:00Z", 10_000.0],
        ["2024-01-01T01:00:00Z", 9_990.0],
    ]


def test_a_long_curve_keeps_its_extremes_and_stays_bounded() -> None:
    equity = [10_000.0 + place % 7 for place in range(30_000)]
    equity[12_345], equity[23_456] = 20_000.0, 1_000.0
    run = result(equity=equity)
    kept: Any = result_to_json(run, equity=True, whole=False)["equity"]
    assert 1_000 < len(kept) <= 10_000
    values = [value for _, value in kept]
    assert (values[0], values[-1]) == (equity[0], equity[-1])
    assert (max(values), min(values)) == (20_000.0, 1_000.0)
    assert len(list(result_to_json(run, equity=True)["equity"])) == 30_000  # type: ignore[call-overload]


def test_a_run_without_candles_has_no_period() -> None:
    written = result_to_json(result(equity=[], benchmark_prices=[]))
    assert written["period"] == {"start": None, "end": None, "candles": 0}
    assert written["ending_balance"] == 10_000.0
    assert written["monthly"] == []


def test_ambiguous_trades_are_counted_with_what_they_are_worth() -> None:
    run = result([trade(1.0, ambiguous=True), trade(1.0, candle=9)], ambiguous_return_pct=3.5)
    assert result_to_json(run)["ambiguous"] == {"trades": 1, "target_first_return_pct": 3.5}


def test_times_read_back_as_written() -> None:
    for time in (0, START, START + 1, START + 999):
        assert parse_time(iso_time(time)) == time
    assert parse_time("2024-01-01") == START
    assert parse_time("2024-01-01T02:00:00+02:00") == START


def test_durations_show_two_units() -> None:
    assert [short_duration(s) for s in (0, 5, 65, 3600, 4_088, 187_200, 90_061, 86_405)] == [
        "0s", "5s", "1m 5s", "1h", "1h 08m", "2d 4h", "1d 1h", "1d",
    ]  # fmt: skip


def test_a_trade_in_parts_reads_back_as_written() -> None:
    parts = (
        TradePart(START, 110.0, 1.0, 0.1, ExitReason.TAKE_PROFIT),
        TradePart(START + HOUR, 99.0, 3.0, 0.2, ExitReason.STOP_LOSS, START + HOUR + 5),
    )
    made = trade(parts=parts)
    written = trade_to_json(made)
    assert written["parts"] == [
        {
            "time": "2024-01-01T00:00:00Z",
            "price": 110.0,
            "quantity": 1.0,
            "fee": 0.1,
            "reason": "take_profit",
        },
        {
            "time": "2024-01-01T01:00:00Z",
            "price": 99.0,
            "quantity": 3.0,
            "fee": 0.2,
            "reason": "stop_loss",
            "filled_at": "2024-01-01T01:00:00.005Z",
        },
    ]
    assert trade_from_json(written) == made
    assert "parts" not in trade_to_json(trade())


def test_limits_of_the_strategy_are_counted_in_words() -> None:
    refused = {Obstacle.COOLDOWN: 3, Obstacle.PRICE: 1, Obstacle.RISK_LIMIT: 1_200}
    made = result([], refused=refused, capped=2)
    assert made.warnings == (
        "1 entry signal was refused as a stop or target was not known, or on the wrong side of the "
        "entry",
        "1,200 entry signals were refused after the daily loss limit was reached "
        "(max_daily_loss_pct)",
        "3 entry signals were refused within the cooldown after a trade",
        "2 entries were smaller than asked for: the free balance allowed no more",
    )


def test_what_was_refused_may_be_an_add_where_a_strategy_adds_to_positions() -> None:
    adding = parse_config({**config_to_dict(config()), "adds": [{"at_pct": -1, "size_pct": 100}]})
    refused = {Obstacle.BALANCE: 2, Obstacle.PAUSED: 1, Obstacle.COOLDOWN: 3}
    assert result([], config=adding.config, refused=refused).warnings == (
        "2 entry signals or adds were refused for lack of free balance",
        "3 entry signals were refused within the cooldown after a trade",
        "1 entry signal or add was refused while entries were paused or, in their symbol, blocked "
        "by hand",
    )


def test_a_trade_with_several_entries_reads_back_as_written() -> None:
    entries = (
        Addition(START, 100.0, 1.0, 100.0, 0.1),
        Addition(START + HOUR, 97.0, 2.0, 194.0, 0.2, START + HOUR + 5),
    )
    made = trade(entries=entries)
    written: Any = trade_to_json(made)
    assert [one["time"] for one in written["entries"]] == [
        "2024-01-01T00:00:00Z",
        "2024-01-01T01:00:00Z",
    ]
    assert written["entries"][1]["filled_at"] == "2024-01-01T01:00:00.005Z"
    assert trade_from_json(written) == made
