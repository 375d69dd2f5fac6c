"""Do the tool calls of the source document do what it says, from outside the host's process?"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.backtest.axes import parse_axis
from core.backtest.sweep import run_sweep, sweep_to_json
from core.gate.gate import run_gate
from core.gate.to_json import gate_to_json
from core.host.trial_chances import chances_told
from core.market.candles.timeframes import DAY, Timeframe
from core.market.files.candle_files import write_candles
from core.report.library import list_results
from core.store.durable import try_lock
from core.store.workspace import Workspace
from core.strategy.config.parsing import parse_config
from core.time_format import iso_time, parse_time
from core.tools import backtest, backtest_async, cron, cron_async
from core.trial.ledger import tries_of
from core.trial.plan import plan_trial
from tests.unit.cli.hosted import hosted
from tests.unit.cli.test_compare_command import live_trade
from tests.unit.cli.test_strategy_commands import waves
from tests.unit.cli.test_trial_command import CHANCES
from tests.unit.compare.trials import TREND, Market, save_promise, seal_of
from tests.waiting import until

# As the source document writes it.
DOCUMENT = """{
    "name": "rsi_bounce_paper",
    "symbols": ["BTC/USDT"],
    "timeframe": "4h",
    "indicators": [
      {"name": "rsi", "params": {"period": 14}}
    ],
    "entry_conditions": [
      {"indicator": "rsi", "field": "value", "operator": "lt", "value": 30}
    ],
    "exit_conditions": [
      {"indicator": "rsi", "field": "value", "operator": "gt", "value": 70}
    ],
    "direction": "long",
    "stop_loss_pct": 5,
    "take_profit_pct": 15
  }"""
KEY, SECRET = "TESTNETKEY0123456789", "TESTNETSECRET0123456789"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "workspace"


@pytest.fixture
def tool(root: Path) -> partial[dict[str, Any]]:
    return partial(backtest, workspace=root)


@pytest.fixture
def jobs(root: Path) -> partial[dict[str, Any]]:
    return partial(cron, workspace=root)


@pytest.fixture
def _host(root: Path) -> Iterator[None]:
    with hosted(root):
        yield


@pytest.fixture
def candle_file(tmp_path: Path) -> str:
    path = tmp_path / "BTCUSDT-4h.csv"
    write_candles(path, waves(Timeframe.H4, 400, hours=240))
    return str(path)


def test_a_run_returns_the_object_of_a_backtest(tool: Any, candle_file: str) -> None:
    for action in ("run", "run_backtest"):
        report = tool(action=action, strategy_config=DOCUMENT, data=candle_file)
        assert report["strategy"] == "rsi_bounce_paper"
        assert report["metrics"]["total_trades"] == len(report["trades"]) > 0
    as_object = tool(action="run", strategy_config=json.loads(DOCUMENT), data=candle_file)
    assert as_object == report
    json.dumps(report, allow_nan=False)


def test_the_gate_judges_what_is_varied(tool: Any, candle_file: str) -> None:
    described = {
        **json.loads(DOCUMENT),
        "description": "cut in the middle of \ud83d",
    }  # which is no UTF-8
    asked = {"action": "gate", "strategy_config": described, "data": candle_file}
    found = tool(**asked, vary=["stop_loss_pct=3,5"])
    assert found["verdict"] in ("passes", "fails", "too little data")
    assert found["sweep"]["tried"] == 2
    json.dumps(found, allow_nan=False)
    assert "PATH=" in tool(**asked, vary="stop_loss_pct")["error"]
    assert tool(action="gate", strategy_config=DOCUMENT)["error"] == "data is missing"


def test_the_gate_takes_what_the_command_does(tool: Any, candle_file: str) -> None:
    how: dict[str, Any] = {
        "folds": 3,
        "anchored": True,
        "sort": "total_return_pct",
        "seed": 7,
    }
    asked = {"action": "gate", "strategy_config": DOCUMENT, "data": candle_file}
    found = tool(**asked, vary="stop_loss_pct=3,5", **how)
    config = parse_config(json.loads(DOCUMENT)).config
    history = {"BTC/USDT": waves(Timeframe.H4, 400, hours=240)}
    here = run_gate(config, [parse_axis("stop_loss_pct=3,5")], history, **how)
    del found["warnings"]
    assert found == json.loads(json.dumps(gate_to_json(here)))
    folds = found["walk_forward"]["folds"]
    assert len(folds) == 3
    assert len({fold["seen_from"] for fold in folds}) == 1  # anchored
    assert "no metric 'luck'" in tool(**asked, sort="luck")["error"]
    assert tool(**asked, folds=0)["error"] == "folds 0: expected 1 or more"
    assert tool(**asked, seed=-1)["error"] == "seed -1: expected 0 or more"
    assert tool(**asked, anchored="yes")["error"] == "anchored: expected true or false, found text"


def test_what_is_kept_is_in_the_library_over_its_period(
    tool: Any, candle_file: str, root: Path
) -> None:
    asked = {"strategy_config": DOCUMENT, "data": candle_file, "keep": True}
    vary = ["stop_loss_pct=3,5"]
    whole = tool(action="sweep", **asked, vary=vary)
    end = list_results(Workspace(root)).results[0].result.period.end or ""
    period = f"{iso_time(parse_time(end) - 20 * DAY)[:10]}.."
    part = {"period": period, **asked}
    found = {
        "sweep": tool(action="sweep", **part, vary=vary),
        "gate": tool(action="gate", **part, vary=vary, folds=3),
        "run": tool(action="run", **part),
    }
    assert not [one["error"] for one in found.values() if "error" in one]
    assert found["sweep"]["rows"][0]["metrics"] != whole["rows"][0]["metrics"]
    assert found["run"]["period"]["start"] == f"{period[:-2]}T00:00:00Z"
    kept = {one.key: one.result for one in list_results(Workspace(root)).results}
    assert {*kept} == {whole["kept"], *(one["kept"] for one in found.values())}
    for kind, answer in found.items():
        stored = kept[answer["kept"]]
        assert stored.source is not None
        assert (stored.source.data, stored.source.period) == (candle_file, period)
        assert (stored.search.kind if stored.search else "run") == kind
        assert stored.period.start == found["run"]["period"]["start"]
    assert "kept" not in tool(action="run", strategy_config=DOCUMENT, data=candle_file)
    assert tool(action="sweep", **asked, vary=vary, period="soon")["error"].startswith(
        "'soon' is not a period"
    )


def test_a_sweep_is_the_command_s_and_is_counted(tool: Any, candle_file: str, root: Path) -> None:
    root.mkdir()
    asked = {"action": "sweep", "strategy_config": DOCUMENT, "data": candle_file}
    how: dict[str, Any] = {"sort": "total_return_pct", "split": 70}
    found = tool(**asked, vary=["rsi.period=9:16", "stop_loss_pct=2,5"], top=3, **how)
    config = parse_config(json.loads(DOCUMENT)).config
    axes = [parse_axis(text) for text in ("rsi.period=9:16", "stop_loss_pct=2,5")]
    here = run_sweep(config, axes, {"BTC/USDT": waves(Timeframe.H4, 400, hours=240)}, **how)
    assert found.pop("warnings") == []
    assert found == json.loads(json.dumps(sweep_to_json(here, 3)))
    assert (found["tried"], len(found["rows"])) == (16, 3)
    counted = tries_of(Workspace(root).tries, "rsi_bounce_paper")
    assert counted.tried == 16
    assert counted.effective == pytest.approx(here.effective_tries)
    gate = tool(action="gate", strategy_config=DOCUMENT, data=candle_file)
    assert gate["independent_tries"] == pytest.approx(1 + here.effective_tries)
    assert tool(**asked)["error"].startswith("vary is missing")
    assert tool(**asked, vary="rsi.period=9:16", top=0)["error"] == "top 0: expected 1 or more"
    for split in (0, 100, float("nan"), float("inf")):
        refused = tool(**asked, vary="rsi.period=9:16", split=split)["error"]
        assert "above 0 and below 100" in refused


async def test_a_gate_that_nobody_waits_for_ends_and_the_next_goes_on_from_there(
    root: Path, candle_file: str
) -> None:
    root.joinpath("cache").mkdir(parents=True)
    ask = partial(
        backtest_async,
        "gate",
        DOCUMENT,
        data=candle_file,
        vary=["rsi.period=9:16", "stop_loss_pct=2:5"],
        workspace=root,
    )
    kept = root / "cache" / "unfinished"

    def unfinished() -> list[Path]:
        return [file for file in kept.glob("*.work") if file.stat().st_size > 3_000]

    waited_for = asyncio.create_task(ask())
    [file] = await until(unfinished)  # this loop goes on meanwhile
    waited_for.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waited_for
    with file.open("rb") as held:
        await until(lambda: try_lock(held.fileno()))  # its process is done with it
    found = await ask()
    assert [text for text in found["warnings"] if text.startswith("resumed: ")]
    assert found["verdict"] is not None
    assert not list(kept.iterdir())
    config = parse_config(json.loads(DOCUMENT)).config
    axes = [parse_axis(text) for text in ("rsi.period=9:16", "stop_loss_pct=2:5")]
    here = run_gate(config, axes, {"BTC/USDT": waves(Timeframe.H4, 400, hours=240)})
    del found["warnings"]
    assert found == json.loads(json.dumps(gate_to_json(here)))


def test_a_run_reads_columns_in_the_order_that_is_given(tool: Any, tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    rows = [(c.time, c.open, c.close, c.high, c.low, 1) for c in waves(Timeframe.H4, 400)]
    path.write_text("\n".join(",".join(map(str, row)) for row in rows))
    asked = {"action": "run", "strategy_config": DOCUMENT, "data": str(path)}
    order = "time,open,close,high,low,volume"
    assert f"--columns {order}" in tool(**asked)["error"]
    assert tool(**asked, columns=order)["ending_balance"] > 0


def test_the_indicators_are_listed(tool: Any) -> None:
    listed = tool(action="list_indicators")
    assert tool(action="list") == listed
    assert "rsi" in {one["name"] for one in listed["indicators"]}


@pytest.mark.usefixtures("_host")
def test_the_lifecycle_of_the_source_document(tool: Any, jobs: Any, root: Path) -> None:
    started = tool(
        action="start_paper",
        strategy_config=DOCUMENT,
        api_key=KEY,
        api_secret=SECRET,
        feed="demo",
    )
    session_id = started["session_id"]
    assert started["mode"] == "DEMO"
    assert started["jobs"]
    assert started["message"] == (
        f"Paper trading started! Session ID: {session_id}. Monitoring BTC/USDT on the embedded "
        "exchange (demo). I've set up automatic monitoring. You'll get updates every 4h and a full "
        "report when it ends."
    )
    assert "No backtest is saved in this strategy's document yet." in started["notices"]

    status = tool(action="paper_status", session_id=session_id)
    assert (status["session_id"], status["broker"]) == (session_id, "testnet")
    assert status["trades_count"] == 0
    everything = tool(action="paper_status")
    assert [one["session_id"] for one in everything["sessions"]] == [session_id]
    assert everything["host"]["kind"] == "headless"

    monitoring = jobs(
        action="add",
        every_seconds=14400,
        message=(
            f"Check paper trading session {session_id}: call backtest(action='paper_status', "
            f"session_id='{session_id}'). If there are new trades, briefly notify the user with "
            "entry/exit prices and P&L."
        ),
    )
    assert (monitoring["action"], monitoring["session_id"]) == ("check", session_id)
    at_the_end = jobs(
        action="add",
        cron_expr="0 10 11 2 *",
        message=(
            f"Paper trading session {session_id} has reached its scheduled end. Stop it: call "
            f"backtest(action='stop_paper', session_id='{session_id}'). Generate a full report."
        ),
        max_runs=1,
    )
    assert at_the_end["action"] == "finish"
    assert at_the_end["confirmation"].startswith(
        "I've set up automatic monitoring. You'll get updates every 4h and a full report on 20"
    )
    assert at_the_end["confirmation"].endswith("-02-11 10:00 UTC.")
    listed = {job["job_id"] for job in jobs(action="list")["jobs"]}
    assert {monitoring["job_id"], at_the_end["job_id"]} <= listed

    report = tool(action="stop_paper", session_id=session_id)
    assert report["session_id"] == session_id
    assert "metrics" in report
    removed = jobs(action="remove", job_id=monitoring["job_id"])
    assert removed["job_id"] == monitoring["job_id"]
    again = jobs(action="remove", job_id=at_the_end["job_id"])
    assert again["job_id"] == at_the_end["job_id"]
    assert _comes_true(lambda: jobs(action="list")["jobs"] == [])

    compared = tool(action="compare", strategy_config=DOCUMENT, session_id=session_id)
    assert compared["strategy"] == "rsi_bounce_paper"
    assert "Strategy Validation: rsi_bounce_paper" in compared["text"]
    assert _keys_in(root) == []


@pytest.mark.usefixtures("_host")
def test_a_status_gives_trades_and_those_that_are_new_since_a_look(
    tool: Any, candle_file: str
) -> None:
    replay = {"strategy_config": DOCUMENT, "feed": "replay", "data": candle_file}
    session_id = tool(action="start_paper", **replay)["session_id"]
    look = partial(tool, action="paper_status", session_id=session_id)
    assert _comes_true(lambda: look()["state"] == "stopped")
    status = look(since=0)
    assert len(status["trades"]) == status["trades_count"] > 2
    assert status["new_trades"] == status["trades"]
    assert {"entry_price", "exit_price", "pnl"} <= status["trades"][0].keys()
    assert {one["group"] for one in status["conditions"]["BTC/USDT"]} == {"entry", "exit"}
    seen = status["trades_count"] - 1
    assert look(since=seen)["new_trades"] == status["trades"][seen:]
    assert look(since=status["as_of"])["new_trades"] == []
    before = status["trades"][-1]["exit_time"]
    assert look(since=before)["new_trades"] == status["trades"][-1:]
    assert "new_trades" not in look()
    assert look(session_id=session_id.upper())["session_id"] == session_id
    for wrong in (-1, "soon"):
        assert "expected the trades_count or the as_of" in look(since=wrong)["error"]


def _comes_true(look: Any) -> bool:
    pause = threading.Event()
    return any(look() or pause.wait(0.05) for _ in range(200))


def _keys_in(root: Path) -> list[str]:
    return [
        str(path)
        for path in root.rglob("*")
        if path.is_file() and any(key.encode() in path.read_bytes() for key in (KEY, SECRET))
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"action": "paper"}, "has no action 'paper'"),
        ({"action": "run"}, "strategy_config is missing"),
        ({"action": "run", "strategy_config": "{"}, "strategy_config"),
        ({"action": "run", "strategy_config": {"name": 3}}, "problems in the config"),
        ({"action": "run", "strategy_config": DOCUMENT, "data": "no.csv"}, "no.csv"),
        ({"action": "run", "strategy_config": DOCUMENT, "period": "soon"}, "not a period"),
        ({"action": "run", "strategy_config": DOCUMENT, "data": {"ETH/USDT": "x"}}, "no file for"),
        ({"action": "run", "strategy_config": DOCUMENT, "fill_on": "open", "data": "x"}, "fill_on"),
        ({"action": "start_paper", "strategy_config": DOCUMENT, "feed": "magic"}, "feed 'magic'"),
        ({"action": "paper_status", "session_id": "zz99zz99"}, "no session 'zz99zz99'"),
    ],
)
def test_a_mistake_is_an_error_in_words_and_starts_no_host(
    tool: Any, root: Path, arguments: dict[str, Any], said: str
) -> None:
    answer = tool(**arguments)
    assert set(answer) == {"error"}
    assert said in answer["error"]
    assert not Workspace(root).lock.exists() or Workspace(root).lock.stat().st_size == 0


def test_a_key_that_was_put_elsewhere_too_is_repeated_in_no_answer(tool: Any) -> None:
    asked = {"strategy_config": DOCUMENT, "api_key": KEY, "api_secret": SECRET}
    for name in ("feed", "duration", "fallback", "broker", KEY):
        error = tool("start_paper", **{**asked, name: f"x{KEY}"})["error"]
        assert KEY[:8] not in error, error


@pytest.mark.parametrize("suffix", [".csv", ".json", ".jsonl", ".txt", ".yaml"])
@pytest.mark.parametrize(
    "text",
    [
        f"binance:\n  api_key: {KEY}\n  api_secret: {SECRET}\n",
        f"API_KEY={KEY}\nAPI_SECRET={SECRET}\n",
        f'{{"api_key": "{KEY}"}}',
        f'[["{KEY}", 1, 2, 3, 4, 5]]',
        f"{KEY},{SECRET}\n1,2\n",
        f"time,open,high,low,close,volume\n{KEY},1,2,3,4,5\n",
        f"time,open,high,low,close,volume\n1700000000,1,2,3,{SECRET},5\n",
        f'time,open,high,low,close,volume\n1700000000,1,2,3,"it\'s {SECRET}",5\n',
    ],
)
def test_no_cell_of_what_is_no_candle_file_leaves_this_machine(
    tool: Any, tmp_path: Path, text: str, suffix: str
) -> None:
    path = tmp_path / f"taken-for-candles{suffix}"
    path.write_text(text)
    answer = tool(action="run", strategy_config=DOCUMENT, data=str(path))
    assert set(answer) == {"error"}
    assert path.name in answer["error"]
    assert KEY not in answer["error"]
    assert SECRET not in answer["error"]


@pytest.mark.usefixtures("_host")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"action": "insert"}, "has no action 'insert'"),
        ({"action": "add", "message": "x"}, "expected one of every_seconds, cron_expr and at"),
        ({"action": "add", "message": "x", "at": "soon"}, "expected a time such as"),
        ({"action": "add", "every_seconds": 60}, "neither a message nor a session"),
        ({"action": "remove"}, "job_id is missing"),
        (
            {
                "action": "add",
                "every_seconds": 60,
                "message": "action=paper_status action=stop_paper",
            },
            "a job does one thing",
        ),
        ({"action": "remove", "job_id": "nothere1"}, "no job 'nothere1'"),
    ],
)
def test_a_mistake_in_the_schedule_is_an_error_in_words(
    jobs: Any, arguments: dict[str, Any], said: str
) -> None:
    assert said in jobs(**arguments)["error"]


@pytest.mark.parametrize(
    "trial",
    [
        *("sixty", {"trades": "80"}, {"trades": True}, {"days": 3, "trades": 4}, 60, []),
        {"days": float("nan")},
    ],
)
def test_a_trial_without_sense_is_refused_with_words(
    tool: Any, candle_file: str, trial: object
) -> None:
    answer = tool(
        action="start_paper",
        strategy_config=DOCUMENT,
        feed="replay",
        data=candle_file,
        trial=trial,
    )
    assert set(answer) == {"error"}


@pytest.mark.usefixtures("_host")
def test_a_trial_is_planned_and_says_its_chances_once_it_is_sealed(
    tool: Any, root: Path, tmp_path: Path
) -> None:
    asked = {"strategy_config": TREND, "trial": {"trades": 60}}
    assert "no saved backtest of trend" in tool(action="plan_trial", **asked)["error"]
    document = save_promise(root / "strategies", TREND)
    plan = tool(action="plan_trial", **asked)
    expected = plan_trial(seal_of(document, 60)).to_json()
    (warning,) = plan["warnings"]
    assert warning.startswith("60 trades, at the backtest's rate some 1d 22h is short for a 5m")
    assert plan == json.loads(json.dumps(expected)) | {"warnings": [warning]}
    assert 0.1 < plan["kept_if_promise_holds"] < 1
    assert tool(action="plan_trial", strategy_config=TREND)["horizon_days"] == 60
    short = tool(action="plan_trial", strategy_config=TREND, trial="1h")
    assert "1h is short for a 5m strategy" in short["warnings"][0]
    wrong = tool(action="plan_trial", strategy_config=TREND, trial="0d")
    assert "must be above 0" in wrong["error"]
    assert not list((root / "sessions").glob("*"))
    candles = tmp_path / "candles.csv"
    write_candles(candles, Market(400, 12).candles())
    replay = {"action": "start_paper", "feed": "replay", "data": str(candles)}
    started = tool(**asked, **replay)
    assert started["trial"] == {name: plan[name] for name in CHANCES}
    assert tool(strategy_config=TREND, **replay)["trial"] is None
    (root / "sessions" / started["session_id"] / "session.json").write_text("{")
    told, sentences = chances_told(Workspace(root), started["session_id"])
    assert told is not None
    assert "record cannot be read" in told["reason"]
    assert sentences == (told["reason"],)


def test_a_trial_needs_a_saved_backtest(tool: Any, candle_file: str) -> None:
    for trial in (True, "60d", {"trades": 80}):
        answer = tool(
            action="start_paper",
            strategy_config=DOCUMENT,
            feed="replay",
            data=candle_file,
            trial=trial,
        )
        assert "no saved backtest of rsi_bounce_paper" in answer["error"]
    assert tool(action="paper_status")["sessions"] == []


def test_the_balance_of_the_live_account_makes_its_drawdown_and_sharpe_known(
    tool: Any, root: Path
) -> None:
    Workspace(root).prepare()
    days = [1_700_006_400_000 + n * 86_400_000 for n in range(30)]
    trades = [
        live_trade(n, ts=day, close_ts=day + 1, pnl=1.0 if n % 3 else -0.8)
        for n, day in enumerate(days)
    ]
    (root / "trades.jsonl").write_text("".join(trades))
    asked = {"action": "compare", "strategy_config": json.loads(DOCUMENT) | {"name": "rsi_bounce"}}
    unknown, known = tool(**asked), tool(**asked, balance=100)
    for name in ("max_drawdown_pct", "sharpe_ratio"):
        assert unknown["columns"]["live"]["metrics"][name] is None
        assert known["columns"]["live"]["metrics"][name] is not None
    assert known["columns"]["live"]["metrics"]["total_trades"] == 30


@pytest.mark.usefixtures("_host")
def test_a_caller_may_use_types_of_its_own(tool: Any, jobs: Any) -> None:
    class Do(Enum):
        START = "start_paper"

    config = json.loads(DOCUMENT) | {"stop_loss_pct": np.float32(5), "max_hold": np.int64(3)}
    config["symbols"] = ("BTC/USDT",)
    asked = {"feed": np.str_("demo"), "duration": None, "fallback": None, "exchange": None}
    session_id = tool(action=Do.START, strategy_config=config, **asked)["session_id"]
    every = {"every_seconds": np.int64(7_200), "session_id": np.str_(session_id)}
    assert jobs(action=np.str_("add"), **every)["every_seconds"] == 7_200


@pytest.mark.parametrize(
    ("call", "given", "named", "said"),
    [
        (backtest, [["run"]], {}, "action: expected text, found a list"),
        (backtest, [], {}, "action is missing"),
        (backtest, ["start_paper", 5], {}, "strategy_config: expected JSON text or an object"),
        (backtest, ["start_paper", "{}"], {"feed": None, "action": None}, "action is given twice"),
        (backtest, [None], {"feed": None}, "action is missing"),
        (
            backtest,
            ["start_paper", "{}"],
            {"duration": 7},
            "duration: expected text such as 7d, found 7",
        ),
        (backtest, ["paper_status"], {"session_id": 5}, "session_id: expected text, found 5"),
        (backtest, ["run"], {"balance": -1.0}, "balance: expected a number above 0"),
        (backtest, ["run"], {"nonsense": 1}, "backtest has no argument 'nonsense'"),
        (backtest, ["run"], {"action": "run"}, "action is given twice"),
        (backtest, list("abcdefgh"), {}, "takes 5 arguments without a name; found 8"),
        (
            cron,
            ["add"],
            {"every_seconds": "abc"},
            "every_seconds: expected a whole number, found text",
        ),
        (cron, ["add"], {"every_seconds": 14400.7}, "expected a whole number, found 14400.7"),
        (cron, ["add"], {"cron_expr": 5}, "cron_expr: expected text, found 5"),
        (cron, ["add", 60], {"max_runs": "two"}, "max_runs: expected a whole number"),
        (cron, ["add", 60], {"max_runs": 3.0}, "max_runs: expected a whole number"),
        (cron, ["add"], {"message": "\ud800"}, "message: expected text, found half a character"),
        (backtest, ["list"], {"workspace": 5}, "workspace: expected a path, found 5"),
        (backtest, ["run"], {"api_key": 123456}, "api_key: expected text, found a number"),
        (backtest, ["run", np.int64(5)], {}, "strategy_config: expected JSON text or an object"),
        (backtest, ["run", object()], {}, "strategy_config: expected JSON text or an object"),
        (backtest, ["run", range(3)], {}, "strategy_config: expected JSON text or an object"),
        (backtest, ["run"], {"data": np.zeros(3)}, "data: expected a path"),
        (backtest, ["run"], {"data": "x" * 100_000, "strategy_config": DOCUMENT}, "xxx…"),
        (cron, ["add"], {"every_seconds": np.float64(1.5)}, "expected a whole number, found 1.5"),
    ],
)
def test_what_a_caller_gets_wrong_is_an_answer_and_no_exception(
    call: Callable[..., dict[str, Any]], given: list[Any], named: dict[str, Any], said: str
) -> None:
    answer = call(*given, **named)
    assert set(answer) == {"error"}
    assert said in answer["error"]


async def test_the_calls_work_where_an_event_loop_runs(tool: partial[dict[str, Any]]) -> None:
    assert tool("list_indicators")["indicators"]
    assert tool("paper_status") == {"host": None, "sessions": []}


async def test_the_calls_can_be_awaited(root: Path) -> None:
    listed = await backtest_async("list_indicators", workspace=root)
    assert listed["indicators"]
    assert "action is missing" in (await backtest_async())["error"]
    assert "has no action" in (await cron_async("insert", workspace=root))["error"]
