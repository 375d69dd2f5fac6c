"""What is written into a STRATEGY.md reads back as what it was."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.compare.columns import column_of_block, column_of_reports
from core.compare.comparison import compare
from core.compare.document_block import paper_block
from core.market.candles.timeframes import Timeframe
from core.report.result import result_to_json
from core.report.stored_backtest import backtest_block
from core.strategy.document.document import read_strategy
from core.strategy.document.write_back import write_blocks
from tests.unit.report.making import result, trade


def test_both_blocks_read_back_from_the_document(tmp_path: Path) -> None:
    trades = [trade(12.5 if i % 3 else -5.0, candle=i * 10) for i in range(25)]
    report = result_to_json(result(trades, [10_000.0 + i for i in range(300)]))
    session = report | {"session_id": "ab12cd34", "mode": "SIMULATED"}
    columns = [column_of_reports(name, [report], "made") for name in ("Backtest", "Paper")]
    comparison = compare(
        "rsi_bounce", Timeframe.H1, backtest=columns[0], paper=columns[1], live=None
    )  # fmt: skip
    document = tmp_path / "STRATEGY.md"
    document.write_text("---\nname: rsi_bounce\n# mine\n---\n\nProse: stays.\n")
    write_blocks(
        document, {"backtest": backtest_block(report), "paper": paper_block(session, comparison)}
    )
    read: Mapping[str, Any] = read_strategy(document).config
    assert "# mine\n" in document.read_text()
    for name in ("backtest", "paper"):
        column = column_of_block(name, read[name], "STRATEGY.md")
        assert column is not None
        assert column.metrics["win_rate_pct"] == 64.0
        assert column.metrics["total_trades"] == 25
        assert column.sample is not None
        assert column.sample.wins == 16
        assert column.days is not None
        assert round(column.days) == 12
    assert read["paper"]["session_id"] == "ab12cd34"
    assert read["paper"]["verdict"] == "open"
    assert "sortino_ratio" not in read["backtest"]
    # What the market filled was filled on no candle.
    assert read["paper"]["fill_on"] == report["fill_on"]
    market = paper_block(session | {"fills": "market"}, comparison)
    assert market["fills"] == "market"
    assert "fill_on" not in market
