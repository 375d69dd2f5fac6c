"""A session's journal is told as its log was, without what only the feed knew."""

from __future__ import annotations

from pathlib import Path

import msgspec

from core.host.logs import read_log
from core.host.offline import offline_logs
from core.session.log_messages import state_text, tell, tell_order, tells_nothing
from core.session.snapshot import Level
from core.store.workspace import Workspace
from core.trading.orders import Execution, OrderSide, VenueOrder
from core.trading.values import (
    Addition,
    Exited,
    ExitReason,
    Obstacle,
    Priced,
    Reduced,
    Refused,
    Side,
    TradePart,
)
from tests.unit.host.hosts import hosting, replay_request
from tests.unit.report.making import trade

TRADING = ("enter", "left", "leave", "asked for")


def test_a_state_and_why_are_told_once() -> None:
    assert state_text("stopped", "stopped by hand, positions closed") == (
        "stopped by hand, positions closed"
    )
    assert state_text("warming_up", None) == "warming up"


def test_a_trade_that_candles_cannot_price_has_nothing_to_tell() -> None:
    made = msgspec.structs.replace(trade(5.0), candle_entry_price=None, candle_exit_price=None)
    assert tells_nothing(Priced(made.exit_time, made))
    assert not tells_nothing(Exited(made.exit_time, made))
    priced = Priced(
        made.exit_time, msgspec.structs.replace(made, id=1, symbol="A/B", candle_exit_price=101.5)
    )
    assert not tells_nothing(priced)
    assert tell(priced)[1] == "A/B: trade 1 by candles: exit 101.5"


def test_the_exit_of_the_rest_has_the_price_it_filled_at_and_the_result_of_the_whole() -> None:
    first = TradePart(1, 110.0, 0.4, 1.0, ExitReason.TAKE_PROFIT)
    last = TradePart(2, 95.0, 0.6, 1.0, ExitReason.STOP_LOSS)
    made = trade(
        -1.0, exit_=101.0, reason=ExitReason.STOP_LOSS, parts=(first, last), symbol="BTC/USDT"
    )
    reduced = Reduced(1, "BTC/USDT", Side.LONG, 110.0, 0.4, ExitReason.TAKE_PROFIT, 1.0, 3.0)
    assert tell(reduced)[1] == (
        "BTC/USDT: left a part of long, 0.4 at 110, take profit: +3.00 before the fee of the entry"
    )
    assert tell(Exited(2, made))[1] == (
        "BTC/USDT: left the rest of long, 0.6 at 95, stop loss: the whole trade -1.00 (-1.00%)"
    ), "not 101, the mean at which nothing was traded"
    whole = msgspec.structs.replace(made, parts=())
    assert tell(Exited(2, whole))[1] == "BTC/USDT: left long at 101, stop loss: -1.00 (-1.00%)"


def test_candles_price_the_first_entry_and_the_last_exit_of_several() -> None:
    parts = tuple(TradePart(1, 100.0, 0.5, 0.0, ExitReason.TAKE_PROFIT) for _ in range(2))
    entries = tuple(Addition(1, 100.0, 0.5, 50.0, 0.0) for _ in range(2))
    made = trade(5.0, candle_entry_price=99.0, candle_exit_price=101.5)
    made = msgspec.structs.replace(made, id=1, symbol="A/B", parts=parts, entries=entries)
    assert tell(Priced(1, made))[1] == ("A/B: trade 1 by candles: first entry 99, last exit 101.5")


def test_an_entry_that_the_strategys_own_rules_refuse_is_no_warning() -> None:
    warned = {
        obstacle
        for obstacle in Obstacle
        if tell(Refused(1, "A/B", Side.LONG, obstacle, "why"))[0] is Level.WARNING
    }
    assert warned == {
        *(Obstacle.PAUSED, Obstacle.RISK_LIMIT),
        *(Obstacle.BALANCE, Obstacle.FILTER, Obstacle.PRICE),
    }


async def test_a_journal_is_told_as_the_log_was(tmp_path: Path, candle_file: Path) -> None:
    home = tmp_path / "home"
    async with hosting(home) as host:
        session_id = (await host.start(replay_request(candle_file))).session_id
        await host.ended(session_id)
        live = [line.text for line in host.logs(0, session_id)]
    told = await offline_logs(Workspace(home), session_id)
    assert told[0].text == "begun"
    assert told[-1].text == "stopped: the data ends"
    assert [line.number for line in told] == list(range(1, len(told) + 1))
    assert [line.time for line in told] == sorted(line.time for line in told)
    traded = [text for text in live if any(word in text for word in TRADING)]
    assert [line.text for line in told[1:-1] if line.level is not Level.DEBUG] == traded
    assert len(traded) > 10


async def test_a_repeated_refusal_is_told_once(tmp_path: Path, candle_file: Path) -> None:
    home = tmp_path / "home"
    async with hosting(home) as host:
        session_id = (await host.start(replay_request(candle_file, speed=100_000.0))).session_id
        await host.pause(session_id)
        await host.ended(session_id)
    told = [line.text for line in await offline_logs(Workspace(home), session_id)]
    assert "pause, by hand" in told
    assert sum("entries are paused" in text for text in told) == 1


def test_a_log_is_read_back_with_the_rotated_files_before_it(tmp_path: Path) -> None:
    path = tmp_path / "host.log"
    (tmp_path / "host.log.1").write_text(
        "2026-02-10T12:00:00+00:00 warning -        the index was rebuilt\n"
    )
    path.write_text(
        "2026-02-10T12:00:01+00:00 error   ab12cd34 gone: a  b\n"
        "Traceback (most recent call last):\n"
    )
    first, second, third = read_log(path)
    assert (first.level, first.session_id, first.text) == (
        Level.WARNING,
        None,
        "the index was rebuilt",
    )
    assert (second.level, second.session_id, second.text) == (
        Level.ERROR,
        "ab12cd34",
        "gone: a  b",
    )
    assert second.time - first.time == 1_000
    assert (third.time, third.text) == (second.time, "Traceback (most recent call last):")
    assert read_log(tmp_path / "none.log") == ()


def test_an_order_of_which_nothing_can_be_found_out_is_not_told_as_refused() -> None:
    order = VenueOrder(1, "pt-abcd1234-1", "BTC/USDT", OrderSide.SELL, 0.01, 60_000.0, closes=True)
    _, unknown = tell_order(order, Execution(None, why="its keys are not here"))
    assert "whether the testnet sold 0.01 is not known: its keys are not here" in unknown
    _, refused = tell_order(order, Execution.none("no balance"))
    assert "the testnet did not sell 0.01: no balance" in refused
