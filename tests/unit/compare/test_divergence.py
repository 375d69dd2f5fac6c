"""Each kind of thing that can happen to a session is named as the cause, and only there."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import orjson
import pytest

from core.compare.causes import Evidence, Span
from core.compare.divergence import Divergence, MatchKind, find_divergence
from core.compare.to_json import divergence_to_json
from core.compare.waterfall import Part
from core.market.candles.timeframes import HOUR, Timeframe
from core.trading.values import ExitReason, Obstacle, OpenTrade, Refused, Side, Trade, TradePart
from tests.unit.report.making import START, trade


def at(candle: int) -> int:
    return START + candle * HOUR


def causes(
    backtest: list[Trade], paper: list[Trade], **evidence: Any
) -> list[tuple[str, str | None]]:
    found = find(backtest, paper, **evidence)
    return [(str(t.kind), None if t.cause is None else str(t.cause.kind)) for t in found.trades]


def find(backtest: list[Trade], paper: list[Trade], **evidence: Any) -> Divergence:
    known = Evidence(Timeframe.H1, **evidence)
    return find_divergence(backtest, paper, known, 10_000.0)


def test_equal_trades_have_no_cause() -> None:
    found = find([trade(), trade(candle=10)], [trade(), trade(candle=10)])
    assert found.differing == ()
    assert found.summary == "all 2 trades are the same"
    assert found.difference == 0


def test_a_better_known_price_is_slippage_and_a_late_one_latency() -> None:
    def filled(after: int) -> Trade:
        return trade(entry=100.2, entry_filled_at=at(1) + after)

    assert causes([trade()], [filled(800)]) == [("matched", "slippage")]
    assert causes([trade()], [filled(9_000)]) == [("matched", "latency")]
    (one,) = find([trade()], [filled(13_500)]).differing
    told = "filled at 100.20 against 100.00, 13.5 s after the candle opened"
    assert one.cause is not None
    assert one.cause.detail == told, "as tables write prices, and alike"


def test_prices_of_several_fills_are_told_as_their_average() -> None:
    parts = tuple(TradePart(at(3), 101.0, 0.5, 0.0, ExitReason.TAKE_PROFIT) for _ in range(2))
    (one,) = find([trade(parts=parts)], [trade(exit_=100.7, parts=parts)]).differing
    assert one.cause is not None
    assert one.cause.detail == (
        "entered at 100.00 against 100.00, left at 100.70 against 101.00 on average"
    )
    seen = trade(exit_=100.7, parts=parts, exit_filled_at=at(3) + 800)
    (one,) = find([trade(parts=parts)], [seen]).differing
    assert one.cause is not None
    assert one.cause.detail == "filled at 100.70 against 101.00 on average"


def test_a_different_price_on_the_same_candles_is_slippage_even_unrecorded() -> None:
    assert causes([trade()], [trade(exit_=100.7)]) == [("matched", "slippage")]
    # Not an old gap, which no price of the same candle depends on.
    gap = Span(at(-5), at(-5))
    assert causes([trade()], [trade(exit_=100.7)], gaps=(gap,)) == [("matched", "slippage")]


def test_a_manual_close_and_what_follows_from_it() -> None:
    backtest = [trade(candle=0, held=20)]
    paper = [trade(candle=0, held=3, reason=ExitReason.MANUAL), trade(candle=8)]
    assert causes(backtest, paper) == [("matched", "manual"), ("extra", "manual")]


def test_a_touch_seen_late_and_an_ambiguous_candle() -> None:
    late = trade(exit_=95.0, reason=ExitReason.STOP_LOSS, seen_late=True)
    assert causes([trade()], [late]) == [("matched", "seen late")]
    stop = trade(exit_=95.0, reason=ExitReason.STOP_LOSS, ambiguous=True)
    target = trade(exit_=110.0, reason=ExitReason.TAKE_PROFIT)
    assert causes([stop], [target]) == [("matched", "ambiguous candle")]


def test_only_the_size_differs_because_of_the_balance() -> None:
    assert causes([trade()], [trade(quantity=0.9)]) == [("matched", "balance")]


def test_only_fees_or_funding_differ() -> None:
    assert causes([trade()], [trade(fees=1.0)]) == [("matched", "fees")]
    assert causes([trade()], [trade(funding=1.0)]) == [("matched", "funding")]
    (matched,) = find([trade(funding=0.5)], [trade(funding=-2.5)]).trades
    assert matched.cause is not None
    assert matched.cause.detail == "2.5 received against 0.5 paid"


@pytest.mark.parametrize(
    ("kept", "cause"),
    [("gaps", "data gap"), ("revised", "candle revised"), ("away", "downtime")],
)
def test_a_missing_trade_is_explained_by_what_happened_at_its_signal(kept: str, cause: str) -> None:
    span = Span(at(5), at(6), "BTC/USDT", "as recorded")
    found = find([trade(candle=5), trade(candle=40)], [trade(candle=40)], **{kept: (span,)})
    missing, matched = found.trades
    assert missing.cause is not None
    assert (missing.cause.kind, matched.cause) == (cause, None)
    assert "as recorded (2024-01-01 05:00 to 2024-01-01 06:00)" in missing.cause.detail


def test_evidence_about_another_symbol_explains_nothing() -> None:
    span = Span(at(5), at(6), "ETH/USDT")
    assert causes([trade(candle=5)], [], gaps=(span,)) == [("missing", "unexplained")]
    stopped = {"backtest_halted": (span,)}
    assert causes([], [trade(candle=5)], **stopped) == [("extra", "unexplained")]


def test_what_the_session_made_after_the_backtest_stopped_is_a_risk_limit() -> None:
    since = Span(at(5), at(90))
    found = causes([], [trade(candle=4), trade(candle=60)], backtest_halted=(since,))
    assert found == [("extra", "unexplained"), ("extra", "risk limit")]


@pytest.mark.parametrize(
    ("obstacle", "cause"),
    [(Obstacle.FILTER, "filter reject"), (Obstacle.BALANCE, "balance"),
     (Obstacle.PAUSED, "manual"), (Obstacle.RISK_LIMIT, "risk limit")],
)  # fmt: skip
def test_a_refused_order_explains_its_missing_trade(obstacle: Obstacle, cause: str) -> None:
    why = "as the rules said it"
    refused = Refused(at(6), "BTC/USDT", Side.LONG, obstacle, why)
    found = find([trade(candle=5)], [], refused=(refused,))
    assert found.trades[0].cause is not None
    assert found.trades[0].cause.kind == cause
    assert found.trades[0].cause.detail == why
    other_side = Refused(at(6), "BTC/USDT", Side.SHORT, obstacle, why)
    assert causes([trade(candle=5)], [], refused=(other_side,)) == [("missing", "unexplained")]


def test_indicators_that_began_with_other_candles_are_warm_up() -> None:
    assert causes([trade(candle=5)], [], same_warmup=False) == [("missing", "warm-up")]
    assert causes([], [trade(candle=5)], same_warmup=False) == [("extra", "warm-up")]


def test_an_exit_decided_on_a_revised_candle() -> None:
    backtest, paper = trade(candle=0, held=4), trade(candle=0, held=9)
    # The backtest left at candle 5, decided on candle 4.
    assert causes([backtest], [paper], revised=(Span(at(4), at(4)),)) == [
        ("matched", "candle revised")
    ]


def test_indicators_remember_a_gap() -> None:
    backtest, paper = trade(candle=50, held=4), trade(candle=50, held=9)
    gap = Span(at(20), at(22))
    assert causes([backtest], [paper], gaps=(gap,), lookback=100) == [("matched", "data gap")]
    assert causes([backtest], [paper], gaps=(gap,), lookback=5) == [("matched", "unexplained")]
    assert causes([], [trade(candle=50)], gaps=(gap,), lookback=100) == [("extra", "data gap")]


def test_what_one_difference_leads_to_carries_its_cause() -> None:
    # The session was refused a trade, so it was free to make one the backtest could not,
    # which in turn kept it out of the backtest's next.
    backtest = [trade(candle=5, held=10), trade(candle=17, held=3)]
    paper = [trade(candle=9, held=20)]
    why = "the daily loss limit of 2% was reached; entries resume with the UTC day"
    found = find(
        backtest, paper, refused=(Refused(at(6), "BTC/USDT", Side.LONG, Obstacle.RISK_LIMIT, why),)
    )
    assert [str(t.cause and t.cause.kind) for t in found.trades] == ["risk limit"] * 3
    assert found.trades[2].cause is not None
    assert found.trades[2].cause.detail.startswith("follows from trade 10: follows from trade 6: ")


def test_a_position_still_open_is_told_from_one_never_made() -> None:
    closed = trade(candle=5)
    left = OpenTrade(
        "BTC/USDT", Side.LONG, at(5), at(6), 100.0, 1.0, 1.0, 100.0, 0.0, 0.0, 101.0, 1.0,
        None, None, None,
    )  # fmt: skip
    found = find_divergence([closed], [], Evidence(Timeframe.H1), 1e4, paper_open=[left])
    assert found.trades[0].cause is not None
    assert "still open in the session" in found.trades[0].cause.detail
    found = find_divergence([], [closed], Evidence(Timeframe.H1), 1e4, backtest_open=[left])
    assert found.trades[0].cause is not None
    assert "still open in the replay" in found.trades[0].cause.detail


@pytest.mark.parametrize("missing", [False, True])
def test_what_one_run_closed_counts_against_what_the_other_still_holds(missing: bool) -> None:
    closed = trade(-205.0, candle=5)
    closed = msgspec.structs.replace(closed, exit_reason=ExitReason.MANUAL, fees=8.0)
    held = OpenTrade(
        "BTC/USDT", Side.LONG, at(5), at(6), closed.entry_price, closed.quantity, 1.0,
        closed.margin, 4.0, 0.0, closed.exit_price + 1, -196.0, None, None, None,
    )  # fmt: skip
    known = Evidence(Timeframe.H1)
    if missing:
        found = find_divergence([closed], [], known, 1e4, paper_open=[held])
    else:
        found = find_divergence([], [closed], known, 1e4, backtest_open=[held])
    sign = -1 if missing else 1
    assert found.difference == pytest.approx(sign * -9.0)
    assert found.parts[Part.FEES] == pytest.approx(sign * -4.0)
    assert found.parts[Part.EXIT_PRICE] == pytest.approx(sign * -5.0)
    assert found.parts[Part.EXTRA] == found.parts[Part.MISSING] == 0
    (only,) = found.trades
    assert only.held is held
    where = "session" if missing else "replay"
    assert only.cause is not None
    assert only.cause.detail == f"still open in the {where} at -196.00; closed by hand"
    written: Any = divergence_to_json(found)
    assert written["trades"][0]["held"]["unrealized_pnl"] == -196.0


def test_what_is_left_of_a_position_is_held_as_if_left_by_hand_at_its_mark() -> None:
    first = TradePart(at(7), 103.0, 0.5, 1.0, ExitReason.TAKE_PROFIT)
    last = TradePart(at(9), 101.0, 0.5, 2.0, ExitReason.MANUAL)
    closed = msgspec.structs.replace(
        trade(candle=5), entry_price=100.0, exit_price=102.0, quantity=1.0, fees=4.0, funding=0.0,
        pnl=-2.0, exit_reason=ExitReason.MANUAL, parts=(first, last),
    )  # fmt: skip
    held = OpenTrade(
        "BTC/USDT", Side.LONG, at(5), at(6), 100.0, 0.5, 1.0, 50.0, 2.0, 0.0, 101.4,
        0.2, None, None, None, parts=(first,),
    )  # fmt: skip
    found = find_divergence([], [closed], Evidence(Timeframe.H1), 1e4, backtest_open=[held])
    assert found.parts[Part.FEES] == pytest.approx(-2.0)
    assert found.parts[Part.EXIT_PRICE] == pytest.approx(-0.2)
    assert found.parts[Part.EXIT_REASON] == 0


def test_what_a_hand_entered_is_not_the_position_that_the_rules_hold() -> None:
    by_hand = msgspec.structs.replace(trade(-205.0, candle=5), by_hand=True)
    held = OpenTrade(
        "BTC/USDT", Side.LONG, at(5), at(6), 100.0, 1.0, 1.0, 100.0, 0.0, 0.0, 101.0, 1.0,
        None, None, None,
    )  # fmt: skip
    found = find_divergence([], [by_hand], Evidence(Timeframe.H1), 1e4, backtest_open=[held])
    assert found.difference == -205.0
    assert found.trades[0].held is None


def test_the_summary_counts_causes_and_their_effect() -> None:
    backtest = [trade(candle=i * 10, exit_=110.0) for i in range(31)]
    paper = list(backtest)
    for i in (3, 4):
        paper[i] = trade(candle=i * 10, entry=120.0, exit_=110.0, entry_filled_at=at(i * 10 + 1))
    paper[7] = trade(candle=70, exit_=110.001)
    del paper[20]
    gap = Span(at(200), at(201))
    found = find(backtest, paper, gaps=(gap,))
    assert found.summary == "4 of 31 trades differ: 3 slippage -0.40%, 1 data gap -0.10%"
    assert [found.count(kind) for kind in MatchKind] == [30, 1, 0]


def test_causes_are_written_so_that_they_sum_to_the_difference() -> None:
    backtest = [trade(candle=i * 10, exit_=110.0) for i in range(3)]
    paper = [
        trade(candle=0, exit_=109.996),
        trade(candle=10, exit_=110.0, fees=backtest[1].fees + 0.004),
        backtest[2],
    ]
    found = find(backtest, paper)
    assert found.difference == pytest.approx(-0.008)
    written = found.causes_in_cents
    assert len(written) == 2
    assert sum(written.values()) == Decimal("-0.01")
    assert found.fees == pytest.approx(sum(one.fees for one in paper))


def test_the_json_holds_each_trade_with_its_indicator_values() -> None:
    found = find([trade(candle=5)], [trade(candle=5, exit_=100.5)])
    written = orjson.loads(
        orjson.dumps(divergence_to_json(found, lambda symbol, time: {"rsi": 28.5}))
    )
    (one,) = written["trades"]
    assert one["cause"] == "slippage"
    assert one["indicators"] == {"rsi": 28.5}
    assert one["parts"] == {"exit price": -0.5}
    assert one["backtest"]["exit_price"] == 101.0
    assert written["waterfall"]["exit price"] == -0.5
    assert sum(written["waterfall"].values()) == written["difference"] == -0.5


def test_thousands_of_trades_that_all_differ_are_explained_quickly() -> None:
    backtest = [trade(candle=i * 3, held=1) for i in range(4000)]
    paper = [trade(candle=i * 3 + 1, held=1) for i in range(4000)]
    found = find(backtest, paper, gaps=tuple(Span(at(i * 400), at(i * 400)) for i in range(30)))
    assert len(found.differing) == 8000


def test_of_very_many_trades_the_file_has_those_that_differ_and_the_newest() -> None:
    backtest = [trade(candle=3 * place) for place in range(1_500)]
    paper = list(backtest)
    for place in (10, 700):
        paper[place] = trade(candle=3 * place, exit_=100.7 - place / 1_000)
    whole = find(backtest, paper)
    written: Any = divergence_to_json(whole)
    assert written["trades_left_out"] == 500
    assert written["matched"] == 1_500
    assert written["difference"] == whole.difference != 0
    times = [each["paper"]["signal_time"] for each in written["trades"]]
    assert len(times) == 1_000
    assert times == sorted(times)
    differing = [place for place, each in enumerate(written["trades"]) if each["cause"]]
    assert differing == [0, 200]
    few: Any = divergence_to_json(find(backtest[:20], paper[:20]))
    assert (len(few["trades"]), few["trades_left_out"]) == (20, 0)
