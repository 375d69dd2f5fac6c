"""A report is read back as what was written, whatever an older version left out."""

from __future__ import annotations

import orjson
import pytest

from core.backtest.run import run_backtest
from core.report.result import result_to_json
from core.report.written_report import ReportError, WrittenReport, written_report
from core.strategy.config.parsing import parse_config
from tests.unit.session.sessions import RSI, market


def test_the_report_of_a_backtest_comes_back_with_its_figures() -> None:
    result = run_backtest(parse_config(RSI).config, {"BTC/USDT": market(400)})
    written = orjson.loads(orjson.dumps(result_to_json(result)))
    found = written_report(written)
    assert found.metrics.total_trades == len(found.trades) == len(result.trades) > 0
    assert found.metrics.sharpe_ratio == result.metrics.sharpe_ratio
    assert found.metrics.metrics_undefined == dict(result.metrics.metrics_undefined)
    assert [one.pnl for one in found.trades] == [one.pnl for one in result.trades]
    assert found.period.candles == len(result.times)
    assert {one.month: one.return_pct for one in found.monthly} == {
        one["month"]: one["return_pct"] for one in written["monthly"]
    }


def test_a_report_without_trades_tells_why() -> None:
    never = {**RSI, "entry_conditions": [{"indicator": "rsi", "operator": "lt", "value": 0.001}]}
    result = run_backtest(parse_config(never).config, {"BTC/USDT": market(400)})
    found = written_report(result_to_json(result)).diagnosis
    assert found is not None
    assert found.summary
    assert found.conditions[0].hits == 0


def test_what_is_missing_is_unknown_and_what_is_unknown_is_left_out() -> None:
    assert written_report({"of_a_later_version": 1}) == WrittenReport()


def test_what_is_no_report_is_refused_with_the_place() -> None:
    with pytest.raises(ReportError, match=r"metrics\.sharpe_ratio"):
        written_report({"metrics": {"sharpe_ratio": "much"}})
