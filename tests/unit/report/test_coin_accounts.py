"""Money of an account in a coin is written with decimals enough: in reports, logs and messages."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from core.market.symbols import money_decimals
from core.report.html import report_page
from core.report.markdown import report_markdown
from core.report.result import result_to_json
from core.report.side_by_side import side_by_side
from core.report.text import report_text
from core.schedule.jobs import new_job
from core.schedule.runs import carry_out
from core.schedule.triggers import Every
from core.session.log_messages import tell
from core.trading.values import Exited, ExitReason, FundingPaid, Halted, Reduced, Side
from tests.unit.report.making import START, config, result, trade
from tests.unit.schedule.one_session_host import ID, OneSessionHost, a_trade

PAIR = "ETH/BTC"
LOST = trade(-0.004, symbol=PAIR, entry=0.05, quantity=10.0, fees=0.000012)
WON = trade(0.0015, candle=9, symbol=PAIR, entry=0.05, quantity=10.0)


def coin_report() -> dict[str, Any]:
    run = result(
        [LOST, WON],
        [1.5, 1.496, 1.4975],
        config=config(symbols=(PAIR,), starting_balance=1.5),
    )
    held = {
        "symbol": PAIR, "side": "long", "entry_time": "2024-01-01T00:00:00Z", "quantity": 1.0,
        "entry_price": 0.05, "mark_price": 0.0496, "unrealized_pnl": -0.0004,
    }  # fmt: skip
    return result_to_json(run) | {"open_trades": [held]}


@pytest.mark.parametrize(
    ("symbols", "decimals"),
    [
        (("ETH/BTC",), 6),
        (("SOL/ETH", "ADA/ETH"), 6),
        (("ETH/BTC:BTC",), 6),
        (("BTC/USDT",), 2),
        (("BTC/USDT:USDT",), 2),
        (("ETH/EUR",), 2),
        (("ETH/XYZ",), 2),
        ((), 2),
        (("BTC/USDT", "ETH/BTC"), 6),
    ],
)
def test_a_currency_says_how_many_decimals(symbols: tuple[str, ...], decimals: int) -> None:
    assert money_decimals(*symbols) == decimals


@pytest.mark.parametrize("render", [report_text, report_markdown, report_page])
def test_a_report_writes_no_amount_of_a_coin_as_nothing(render: Callable[[Any], str]) -> None:
    page = re.sub(r"\\(.)", r"\1", render(coin_report()))  # Markdown escapes
    for part in (
        "Balance 1.500000 to 1.497500 (-0.002500)",
        "-0.000400 of it",
        "-0.001250",  # expectancy
        "+0.001500",  # average win, best trade, the trade
        "-0.004000",
    ):
        assert part in page, part
    assert not re.search(r"[+-]0\.00(?![\d ])", page)


def test_two_results_in_a_coin_are_told_apart() -> None:
    one = coin_report()["metrics"]
    figures = side_by_side(
        {"metrics": one, "symbols": ["ETH/BTC"]},
        {"metrics": one | {"expectancy": -0.00125 + 0.0001}, "symbols": ["ETH/BTC"]},
    )
    (told,) = (each for each in figures if each.name == "expectancy")
    assert (told.one, told.other, told.change_text) == ("-0.001250", "-0.001150", "▲ +0.000100")


def test_the_log_writes_what_a_trade_in_a_coin_gained() -> None:
    part = Reduced(START, PAIR, Side.LONG, 0.05, 1.0, ExitReason.TAKE_PROFIT, 0.00005, 0.00123)
    for event, told in (
        (Exited(START, LOST), "-0.004000 (-0.80%)"),
        (part, ": +0.001230"),
        (FundingPaid(START, PAIR, 0.0001, 0.000021), "funding paid: 0.000021"),
        (Halted(START, "max_daily_loss_pct", 3.0, 1.4549), "equity fell to 1.454900"),
    ):
        assert told in tell(event, (PAIR,))[1]


async def test_the_message_of_a_check_writes_equity_and_gains_in_a_coin() -> None:
    host = OneSessionHost(START)
    host.change(ID, symbols=(PAIR,), starting_balance=1.5, trades_count=2)
    made = (LOST, WON)
    host.trades += [
        msgspec.structs.replace(a_trade(number), symbol=PAIR, pnl=one.pnl)
        for number, one in enumerate(made, start=1)
    ]
    host.change(ID, equity=1.4975)
    job = new_job("job", Every(60, START), now=START, session_id=ID)
    told = (await carry_out(job, host)).text
    assert "equity 1.497500 (-0.17%)" in told
    assert "2 new trades, -0.002500 in all\nTrade: #1" in told
    assert "-0.004000 (" in told
