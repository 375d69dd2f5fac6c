"""Sessions and their schedule, commanded from another process's point of view."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core import bootstrap
from core.bootstrap import attach_or_start
from core.host.host import Host
from core.host.link import CommandError
from core.market.candles.timeframes import Timeframe
from core.market.files.candle_files import write_candles
from core.store.lock import HostLock, current_host
from core.store.workspace import Workspace
from tests.unit.cli.conftest import Run
from tests.unit.cli.hosted import hosted
from tests.unit.cli.test_strategy_commands import rsi_bounce, waves
from tests.waiting import until_blocking


@pytest.fixture
def hours(tmp_path: Path) -> Path:
    path = tmp_path / "BTCUSDT-1h.csv"
    write_candles(path, waves(Timeframe.H1, 500))
    return path


@pytest.fixture
def host(workspace: Path) -> Iterator[Host]:
    with hosted(workspace) as running:
        yield running


def state_of(run: Run, session_id: str) -> str:
    state: str = run("status", session_id, "--json").json["state"]
    return state


def test_a_replay_reads_columns_in_the_order_that_is_given(
    run: Run, host: Host, tmp_path: Path
) -> None:
    path = tmp_path / "c.csv"
    rows = [(c.time, c.open, c.close, c.high, c.low, 1) for c in waves(Timeframe.H1, 300)]
    path.write_text("\n".join(",".join(map(str, row)) for row in rows))
    order = ("--columns", "time,open,close,high,low,volume")
    asked = ("--config", json.dumps(rsi_bounce()), "--data", path, *order, "--json")
    session_id = run("start", "--feed", "replay", *asked).json["session_id"]
    until_blocking(lambda: state_of(run, session_id) == "stopped")
    report, backtest = run("report", session_id, "--json").json, run("backtest", *asked).json
    assert report["trades"] == backtest["trades"] != []


def test_a_replay_ends_in_the_trades_of_the_backtest(run: Run, host: Host, hours: Path) -> None:
    config = json.dumps(rsi_bounce())
    started = run(*("start", "--config", config, "--feed", "replay", "--data", hours, "--json"))
    assert started.code == 0
    session_id = started.json["session_id"]
    assert started.json["mode"] == "REPLAY"
    until_blocking(lambda: state_of(run, session_id) == "stopped")
    status = run("status", session_id, "--json").json
    assert status["started"] <= status["last_candle"] < status["ended"] < status["created"]
    report = run("report", session_id, "--json").json
    backtesting = ("backtest", "--config", config, "--data", hours, "--json")
    backtest = run(*backtesting).json
    assert report["trades"] == backtest["trades"]
    assert report["ending_balance"] == backtest["ending_balance"]
    looked = run("status", session_id, "--json", "--since", "1").json
    assert looked["trades"] == report["trades"]
    assert looked["new_trades"] == report["trades"][1:]
    assert run("status", session_id, "--since", "soon").code == 2
    text = run("status", session_id).out
    assert "entry" in text
    assert "out at" in text
    assert report["trades"]
    assert set(backtest) - set(report) == set()
    times = ("created", "started", "ended")
    assert [report[name] for name in times] == [status[name] for name in times]
    assert "equity" not in json.dumps(report["comparison"]["replays"])
    curve = run("report", session_id, "--json", "--equity").json["equity"]
    assert curve == run(*backtesting, "--equity").json["equity"]
    for form in ("text", "md", "html"):
        assert session_id in run("report", session_id, "--format", form).out
    logged = run("logs", session_id, "--json").json
    assert any("the data ends" in line["text"] for line in logged)
    assert session_id in run("logs").out


def test_a_demo_session_from_start_to_delete(run: Run, host: Host) -> None:
    # It never enters, so that there is nothing to flatten however far the demo's market has come.
    never = [{"indicator": "close", "operator": "lt", "value": 0}]
    config = json.dumps(rsi_bounce(timeframe="5m", entry_conditions=never))
    started = run("start", "--config", config, "--feed", "demo", "--for", "30d", "--json").json
    session_id = started["session_id"]
    assert started["mode"] == "DEMO"
    assert "check session" in started["jobs"][0]
    assert "last candle" in run("status", session_id).out
    until_blocking(lambda: state_of(run, session_id) == "running")
    one = run("status", session_id, "--json").json
    assert one["strategy"] == "rsi_bounce"
    assert one["starting_balance"] == 10_000
    everything = run("status", "--json").json
    assert everything["host"] == {
        "pid": os.getpid(),
        "kind": "headless",
        "since": everything["host"]["since"],
        "faults": [],
    }
    assert [session["session_id"] for session in everything["sessions"]] == [session_id]
    assert f"{session_id}  running" in run("status").out
    assert "of 30d" in run("status", session_id).out

    assert run("pause", session_id, "--json").json == {"sessions": [session_id], "done": "paused"}
    until_blocking(lambda: state_of(run, session_id) == "paused")
    assert run("resume", "all").out == f"{session_id} resumed\n"
    assert run("flatten", session_id, "ETH/USDT").code == 2
    flat = run("flatten", session_id)
    assert (flat.code, f"{session_id} has no open position to close" in flat.err) == (1, True)
    assert run("flatten", session_id, "BTC/USDT").err.endswith("in BTC/USDT to close\n")
    assert (run("flatten", "all").code, run("flatten", "all").out) == (0, "")
    assert run("delete", session_id).code == 1
    assert run("pause", session_id, "BTCUSDT").code == 0
    blocked = "entries of BTC/USDT are blocked by hand"  # not told while candles are taken in
    until_blocking(lambda: blocked in run("status", session_id).out)
    refused = run("enter", session_id, "long")
    assert (refused.code, "does not enter" in refused.err) == (2, True)
    assert run("resume", session_id, "BTC/USDT").code == 0
    assert run("status", session_id, "--json").json["notices"] == one["notices"]

    report = run("stop", session_id, "--json").json
    assert report["session_id"] == session_id
    assert run("stop", "all").code == 3
    again = run("restart", session_id, "--json").json["session_id"]
    assert again != session_id
    assert run("stop", again).code == 0
    assert run("archive", again).code == 0
    assert run("status", "--archived", "--json").json["sessions"][0]["session_id"] == again
    assert run("unarchive", again).out == f"{again} is in the lists\n"
    assert run("unarchive", again).code == 1
    assert state_of(run, again) == "stopped"
    assert run("archive", again).code == 0
    assert run("delete", session_id).code == 0
    assert run("status", "--json").json["sessions"] == []


def test_a_session_that_refuses_keeps_a_command_from_no_other(run: Run, workspace: Path) -> None:
    run("init")
    (workspace / "config.yaml").write_text("addresses: {spot_rest: 'http://127.0.0.1:9'}\n")
    config = json.dumps(rsi_bounce(timeframe="5m"))
    with hosted(workspace):
        waiting, living = (
            run("start", "--config", config, "--feed", feed, "--json").json["session_id"]
            for feed in ("live", "demo")
        )
        until_blocking(
            lambda: (state_of(run, waiting), state_of(run, living)) == ("stale", "running")
        )
        paused = run("pause", "all", "--json")
        assert (paused.code, paused.json["sessions"]) == (1, [living])
        assert f"session {waiting} waits for its venue" in paused.err
        until_blocking(lambda: state_of(run, living) == "paused")  # stale where candles are late


@pytest.mark.parametrize("command", [("status", "--watch"), ("logs", "-f")])
def test_what_happens_can_be_followed_a_json_line_at_a_time(
    run: Run, host: Host, workspace: Path, command: tuple[str, str]
) -> None:
    config = json.dumps(rsi_bounce(timeframe="5m"))
    session_id = run("start", "--config", config, "--feed", "demo", "--json").json["session_id"]
    program = [sys.executable, "-P", "-m", "tui.cli", "--workspace", str(workspace)]
    with subprocess.Popen(
        [*program, *command, session_id, "--json"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        lines = [json.loads(process.stdout.readline()) for _ in range(2)]
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
    assert {line["session_id"] for line in lines} == {session_id}


def test_jobs_come_with_a_session_and_go_with_it(run: Run, host: Host) -> None:
    config = json.dumps(rsi_bounce(timeframe="5m"))
    session_id = run("start", "--config", config, "--feed", "demo", "--json").json["session_id"]
    said = run("schedule", "add", "--every", "2h", "--message", "look", "--max-runs", "3", "--json")
    assert said.json["action"] == "say"
    bound = run("schedule", "add", "--cron", "0 10 * * *", "--session", session_id, "--json").json
    assert bound["trigger"] == "At 10:00 every day (UTC)"
    assert run("schedule", "run", bound["job_id"]).out.startswith(f"rsi_bounce ({session_id}) is ")
    jobs = run("schedule", "list", "--json").json["jobs"]
    assert {job["session_id"] for job in jobs} == {None, session_id}
    assert "look" in run("schedule").out
    run("stop", session_id)
    until_blocking(lambda: len(run("schedule", "--json").json["jobs"]) == 1)
    assert run("schedule", "remove", said.json["job_id"]).code == 0
    assert run("schedule").out == "no jobs\n"
    assert run("schedule", "remove", said.json["job_id"]).code == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--every", "3s", "--message", "x"), "10 seconds to a year"),
        (("--every", "soon", "--message", "x"), "is not a duration"),
        (("--at", "2020-01-01 09:00", "--message", "x"), "has passed"),
        (("--at", "tomorrow", "--message", "x"), "Write tomorrow 9:00"),
        (("--cron", "* *", "--message", "x"), "five fields"),
        (("--every", "4h"), "neither a message nor a session"),
        (("--every", "4h", "--cron", "* * * * *"), "not allowed with"),
    ],
)
def test_a_job_that_makes_no_sense_is_bad_input(
    run: Run, host: Host, arguments: tuple[str, ...], said: str
) -> None:
    done = run("schedule", "add", *arguments)
    assert (done.code, done.out) == (2, "")
    assert said in done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--speed", "0"), "--speed 0"),
        (("--for", "soon"), "not a duration"),
        (("--for", "1M"), "write '1min' for minutes"),
        (("--for", "99999999999999d"), "too long"),
        (("--until", "soon"), "--until soon"),
        (("--until", "2020-01-01"), "has passed"),
        (("--data", "x.csv", "--data", "y.csv"), "two files for BTC/USDT"),
        (("--balance", "-1"), "starting_balance"),
        (("--feed", "replay"), "a replay needs a candle file"),
    ],
)
def test_a_start_that_makes_no_sense_is_bad_input_before_any_host(
    run: Run, workspace: Path, arguments: tuple[str, ...], said: str
) -> None:
    done = run("start", "--config", json.dumps(rsi_bounce()), *arguments)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert current_host(Workspace(workspace)) is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--feed", "replay", "--data", "no.csv"), "no.csv"),
        (("--feed", "replay", "--data", __file__), "test_session_commands.py"),
        (("--feed", "live", "--exchange", "kraken"), "has no live feed, only binance"),
        (("--feed", "poll", "--exchange", "nosuch"), "exchange nosuch is not known"),
        (("--feed", "poll", "--exchange", "krakn"), "did you mean kraken?"),
        (("--feed", "poll", "--exchange", "KRAKEN"), "KRAKEN is not known: did you mean kraken?"),
        (("--feed", "poll", "--exchange", "../okx"), "did you mean okx?"),
        (("--feed", "live", "--exchange", "Binance"), "did you mean binance?"),
        (("--speed", "2"), "goes with the replay feed only"),
    ],
)
def test_a_start_that_the_host_finds_senseless_is_one_message_and_code_2(
    run: Run, host: Host, arguments: tuple[str, ...], said: str
) -> None:
    done = run("start", "--config", json.dumps(rsi_bounce()), *arguments)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert said in done.err
    assert host.snapshot().sessions == ()


def test_what_the_host_cannot_do_now_is_code_1_and_what_is_not_there_code_3(
    run: Run, host: Host
) -> None:
    config = json.dumps(rsi_bounce(timeframe="5m"))
    session_id = run("start", "--config", config, "--feed", "demo", "--json").json["session_id"]
    assert run("delete", session_id).code == 1
    missing = run("schedule", "add", "--every", "4h", "--session", "zz99zz99")
    assert (missing.code, missing.out) == (3, "")
    assert "no session 'zz99zz99'" in missing.err
    for command in (("run",), ("pause",), ("resume",), ("remove",), ("edit", "--every", "4h")):
        assert run("schedule", command[0], "zz99zz99", *command[1:]).code == 3, command


def test_words_that_are_no_text_are_bad_input(run: Run, host: Host) -> None:
    for command in (("schedule", "remove"), ("stop",), ("flatten", "zz99zz99"), ("status",)):
        done = run(*command, "x\udcff")
        assert done.code in (2, 3), command
        assert done.err.count("\n") == 1


def test_an_exchange_or_a_market_that_nobody_knows_is_bad_input(run: Run) -> None:
    config = json.dumps(rsi_bounce())
    done = run("backtest", "--config", config, "--exchange", "nosuch", "--period", "1m")
    assert (done.code, done.out) == (2, "")
    assert "exchange nosuch is not known" in done.err


@pytest.mark.parametrize("command", ["stop", "pause", "resume", "archive", "delete", "restart"])
def test_a_session_that_is_not_there_is_code_3_and_starts_no_host(
    run: Run, workspace: Path, command: str
) -> None:
    assert run(command, "zz99zz99").code == 3
    assert run("status", "../../etc").code == 3
    assert current_host(Workspace(workspace)) is None


@pytest.mark.parametrize("command", [("status",), ("logs", "ab12cd34"), ("stop", "all")])
def test_a_workspace_that_is_a_file_is_bad_input(
    run: Run, workspace: Path, command: tuple[str, ...]
) -> None:
    workspace.write_text("", encoding="utf-8")
    done = run(*command)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert f"the workspace {workspace} cannot be read" in done.err
    assert run("logs").out == ""


def test_a_demo_beside_a_file_where_a_folder_should_be_is_refused(
    run: Run, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace.parent.joinpath("data").write_text("x")
    monkeypatch.delenv("PAPERTAPE_HOME", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(workspace.parent / "data"))
    done = run("demo")
    assert done.code != 0
    assert "cannot be read (Not a directory" in done.err


def test_an_empty_log_is_said_to_be(run: Run) -> None:
    run("init")
    done = run("logs")
    assert (done.code, done.out) == (0, "")
    assert "nothing is logged yet" in done.err


def test_a_preference_of_the_screen_that_cannot_be_used_keeps_no_host_from_running(
    run: Run, workspace: Path
) -> None:
    workspace.mkdir(mode=0o700)
    (workspace / "config.yaml").write_text("panes: hello\n")
    with hosted(workspace) as host:
        assert run("status", "--json").json["host"]["pid"] == os.getpid()
        assert any("panes must be sizes" in line.text for line in host.logs(0))


def test_without_a_host_sessions_rest_and_can_still_be_read(
    run: Run, workspace: Path, hours: Path
) -> None:
    assert "there is no workspace" in run("status", "--json").err
    assert run("init").code == 0
    assert run("status", "--json").json == {"host": None, "sessions": []}
    config = json.dumps(rsi_bounce(timeframe="5m"))
    with hosted(workspace):
        living = run("start", "--config", config, "--feed", "demo", "--json").json["session_id"]
        until_blocking(lambda: state_of(run, living) == "running")
    status = run("status", living, "--json").json
    assert status["state"] == "stale"
    assert "no host is running" in status["reason"]
    assert run("report", living, "--json").json["session_id"] == living
    logged = run("logs", "--json").json
    assert any("warming up" in line["text"] and line["session_id"] == living for line in logged)
    assert [line["number"] for line in logged] == list(range(1, len(logged) + 1))
    told = run("logs", living, "--json").json
    assert (told[0]["text"], told[0]["session_id"]) == ("begun", living)
    assert run("logs", "zz99zz99").code == 3
    assert run("logs", "-f").code == 1
    with hosted(workspace):
        until_blocking(lambda: state_of(run, living) == "running")
        again = run("logs", living, "--json").json
        assert [line["number"] for line in again] == list(range(1, len(again) + 1))
        texts = [line["text"] for line in again]
        assert texts.index("warming up") < texts.index("taken up again")


def test_a_start_without_a_host_starts_one_that_ends_when_told(
    run: Run, workspace: Path, hours: Path
) -> None:
    started = run(
        *("start", "--config", json.dumps(rsi_bounce()), "--feed", "replay"),
        *("--data", hours, "--json"),
    )
    assert started.code == 0
    holder = current_host(Workspace(workspace))
    assert holder is not None
    try:
        session_id = started.json["session_id"]
        until_blocking(lambda: state_of(run, session_id) == "stopped")
        assert (workspace / "host.log").stat().st_mode & 0o777 == 0o600
        second = run("host")
        assert second.code == 1
        assert f"hosted by process {holder.pid}" in second.err
    finally:
        os.kill(holder.pid, signal.SIGTERM)
    until_blocking(lambda: current_host(Workspace(workspace)) is None)
    assert "the data ends" in (workspace / "host.log").read_text(encoding="utf-8")


def test_a_host_that_follows_another_waits_until_that_has_let_go_of_the_lock(
    workspace: Path,
) -> None:
    home = Workspace(workspace)
    home.prepare()
    lock = HostLock.acquire(home, kind="tui", now=0)
    os.truncate(home.lock, 0)  # its name goes first
    command = [sys.executable, "-P", "-m", "tui.cli", "--workspace", str(workspace), "host"]
    with subprocess.Popen(
        [*command, "--after", str(os.getpid())], stdout=subprocess.PIPE, text=True
    ) as process:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(2)
        lock.release()
        assert process.stdout is not None
        assert process.stdout.readline().startswith("hosting")
        process.terminate()
        assert process.wait(30) == 0


def test_a_host_whose_workspace_is_deleted_ends_with_a_message_and_code_1(
    workspace: Path,
) -> None:
    workspace.mkdir(mode=0o700)  # that it is new would be told as well
    program = [sys.executable, "-P", "-m", "tui.cli", "--workspace", str(workspace), "host"]
    with subprocess.Popen(
        program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith("hosting ")
        shutil.rmtree(workspace)
        assert process.wait(20) == 1
        (message,) = process.stderr.read().splitlines()
    assert message.startswith(f"papertape: the workspace {workspace} has vanished")
    assert not workspace.exists()


def test_compare_puts_saved_backtest_and_ended_sessions_side_by_side(
    run: Run, workspace: Path, host: Host, hours: Path
) -> None:
    document = workspace / "strategies" / "rsi_bounce" / "STRATEGY.md"
    document.parent.mkdir(parents=True)
    document.write_text(f"---\n{json.dumps(rsi_bounce())}\n---\n", encoding="utf-8")
    nothing = run("compare", "rsi_bounce")
    assert nothing.code == 3
    assert "papertape backtest rsi_bounce" in nothing.err
    starting = ("start", "rsi_bounce", "--feed", "replay", "--data", hours)
    assert "note: No backtest is saved in this strategy's document yet.\n" in run(*starting).out
    saved = run("backtest", "rsi_bounce", "--data", hours, "--save")
    assert saved.code == 0
    assert "No backtest" not in run(*starting).out
    config = document.read_text()
    document.write_text(config.replace('"value": 30', '"value": 31'), encoding="utf-8")
    assert "of an older version of this strategy's config" in run(*starting).out
    document.write_text(config, encoding="utf-8")
    table = run("compare", "rsi_bounce")
    assert "Strategy Validation: rsi_bounce" in table.out
    session_id = run(*("start", "rsi_bounce", "--feed", "replay", "--data", hours, "--json")).json[
        "session_id"
    ]
    until_blocking(lambda: state_of(run, session_id) == "stopped")
    both = run("compare", "rsi_bounce", "--session", session_id, "--json").json
    assert set(both["columns"]) == {"backtest", "paper"}
    assert both["recommendation"]
    assert run("compare", "rsi_bounce", "--session", "zz99zz99").code == 3


def test_an_installed_unit_names_this_program(run: Run, workspace: Path) -> None:
    unit = run("host", "--systemd")
    assert f'"-P" "-m" "papertape" "--workspace" "{workspace}" "host"' in unit.out


def test_a_unit_quotes_what_systemd_would_read_otherwise(run: Run, tmp_path: Path) -> None:
    root = tmp_path / 'my "papers" 100% $HOME \\ x'
    unit = run("--workspace", str(root), "host", "--systemd").out
    written = str(tmp_path) + '/my \\"papers\\" 100%% $$HOME \\\\ x'
    assert f'"--workspace" "{written}" "host"' in unit
    broken = run("--workspace", str(tmp_path / "a\nb"), "host", "--systemd")
    assert (broken.code, broken.out) == (2, "")


def test_nothing_that_lies_in_the_current_folder_runs_as_the_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("signal.py", "core/__init__.py", "tui/__init__.py", "tui/cli/__main__.py"):
        trap = tmp_path / "here" / name
        trap.parent.mkdir(parents=True, exist_ok=True)
        trap.write_text(f"open({str(tmp_path / 'sprung')!r}, 'a').write({name!r})\n")
    monkeypatch.chdir(tmp_path / "here")

    async def work() -> None:
        link = await attach_or_start(Workspace(tmp_path / "home"))
        assert (await link.fresh_snapshot()).sessions == ()
        await link.shut_down()

    asyncio.run(work())
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("child", "why"), [("true", "it wrote nothing into"), ("echo no; exit 1", "host.log says why")]
)
def test_a_host_that_could_not_even_say_why_it_did_not_start_is_told_of_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, child: str, why: str
) -> None:
    monkeypatch.setattr(bootstrap, "headless_command", lambda _: ["sh", "-c", child])
    with pytest.raises(CommandError, match=why):
        asyncio.run(attach_or_start(Workspace(tmp_path)))


def test_a_session_whose_folder_is_gone_is_told_of_and_can_be_deleted(run: Run, host: Host) -> None:
    asked = ("--config", json.dumps(rsi_bounce()), "--feed", "demo", "--json")
    session_id = run("start", *asked).json["session_id"]
    shutil.rmtree(host.workspace.session(session_id))
    stopped = run("stop", session_id)
    assert (stopped.code, "cannot be written" in stopped.err) == (1, True)
    assert run("delete", session_id).code == 0
    assert run("delete", session_id).code == 3
    assert host.fresh_snapshot().sessions == ()


@pytest.mark.parametrize(
    ("typed", "text"),
    [("2", "2 days"), ("2d", "2 days"), ("12h", "12 hours"), ("1.5", "1 day 12 hours")],
)
def test_no_trade_is_waited_for_so_many_days_or_so_long(
    run: Run, host: Host, typed: str, text: str
) -> None:
    asked = ("--config", json.dumps(rsi_bounce()), "--feed", "demo", "--json")
    session_id = run("start", *asked).json["session_id"]
    assert run("alert", session_id, "--no-trade", typed).code == 0
    (rule,) = host.fresh_snapshot().sessions[0].notes.alerts
    assert rule.text == f"no trade for {text}"


@pytest.mark.parametrize("arguments", [(), ("--above", "nan")])
def test_an_alert_that_waits_for_nothing_is_bad_input(run: Run, arguments: tuple[str, ...]) -> None:
    run("init")
    assert run("alert", "k3x9a1pq", *arguments).code == 2
