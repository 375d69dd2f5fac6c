"""A host starts, shows, stops and takes up the sessions of a workspace."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from core.backtest.run import run_backtest
from core.host.host import Host, HostOptions
from core.host.job_values import JobOrder
from core.host.link import CommandError
from core.host.local_link import LocalHosting, LocalLink
from core.host.logs import KEPT
from core.host.offline import offline_report, offline_sessions
from core.host.runner import run_host
from core.host.status_json import session_to_json, status_to_json
from core.journal.values import FeedKind, SessionState
from core.market.candles.timeframes import DAY, HOUR
from core.report.result import result_to_json
from core.schedule.jobs import new_job
from core.schedule.runs import carry_out
from core.schedule.service import Schedule
from core.schedule.triggers import every
from core.session.snapshot import LastDay, Level, StartRequest
from core.session.startup import SessionStartup
from core.store.durable import OsDisk
from core.store.lock import AlreadyHostedError, WorkspaceLostError
from core.store.preferences import write_preference
from core.store.workspace import Workspace, WorkspaceError
from core.strategy.config.parsing import parse_config
from core.strategy.signals.evaluation import BatchRules
from core.time_format import parse_time, wall_clock
from core.trading.values import Fills, Side
from tests.unit.host.hosts import hosting, live_feed, replay_request
from tests.unit.session.scripted import TestFeed, subscribed
from tests.unit.session.sessions import RSI, SPAN, market
from tests.unit.store.disks import FullDisk
from tests.waiting import until, until_blocking


async def test_a_replay_ends_by_itself_with_the_backtests_report(
    tmp_path: Path, candle_file: Path
) -> None:
    async with hosting(tmp_path / "home") as host:
        reply = await host.start(replay_request(candle_file))
        await host.ended(reply.session_id)
        (session,) = host.snapshot().sessions
        report: Any = await host.reader.report(reply.session_id)
    expected: Any = result_to_json(
        run_backtest(parse_config(RSI).config, {"BTC/USDT": market(1_000)})
    )
    assert session.state is SessionState.STOPPED
    assert session.state_reason == "the data ends"
    assert session.trades_count == len(expected["trades"]) > 5
    assert report["trades"] == expected["trades"]
    assert report["metrics"] == expected["metrics"]
    folder = tmp_path / "home" / "sessions" / reply.session_id
    assert json.loads((folder / "report.json").read_bytes())["trades"] == expected["trades"]
    assert (folder / "report.md").read_text().startswith("# rsi")


async def test_a_replay_of_a_file_named_for_another_market_says_so(
    tmp_path: Path, candle_file: Path
) -> None:
    other = candle_file.rename(candle_file.with_name("ETHUSDT-5m.csv"))
    async with hosting(tmp_path / "home") as host:
        reply = await host.start(replay_request(other))
        await host.ended(reply.session_id)
        report: Any = await host.reader.report(reply.session_id)
    told = "ETHUSDT-5m.csv: its name says ETH/USDT, where BTC/USDT was asked for"
    assert told in reply.notices
    assert told in report["warnings"]


async def test_a_session_that_a_full_disk_ended_shows_what_is_on_the_disk(
    tmp_path: Path, candle_file: Path
) -> None:
    # Room for the session's files and some of its trades.
    async with hosting(tmp_path / "home", disk=FullDisk(150_000)) as host:
        reply = await host.start(replay_request(candle_file))
        await host.ended(reply.session_id)
        (session,) = host.snapshot().sessions
    assert session.state is SessionState.ERROR
    assert "cannot be written" in str(session.state_reason)
    report = await offline_report(Workspace(tmp_path / "home"), reply.session_id)
    assert session.trades_count == len(report["trades"]) > 0
    assert session.equity == report["ending_balance"]


async def test_a_session_that_a_full_disk_ended_is_resumed_when_there_is_room_again(
    tmp_path: Path, candle_file: Path
) -> None:
    disk = FullDisk(150_000)
    async with hosting(tmp_path / "home", disk=disk) as host:
        session_id = (await host.start(replay_request(candle_file))).session_id
        await host.ended(session_id)
        (before,) = host.snapshot().sessions
        assert before.interrupted
        with pytest.raises(CommandError, match="No space left on device"):
            await host.resume(session_id)
        await host.ended(session_id)
        assert host.snapshot().sessions[0].state is SessionState.ERROR
        disk.room = 100_000_000
        await host.resume(session_id)
        await host.ended(session_id)
        (after,) = host.snapshot().sessions
        report: Any = await host.reader.report(session_id)
        with pytest.raises(CommandError, match="has ended"):
            await host.resume(session_id)
    expected: Any = result_to_json(
        run_backtest(parse_config(RSI).config, {"BTC/USDT": market(1_000)})
    )
    assert (after.state, after.state_reason) == (SessionState.STOPPED, "the data ends")
    assert not after.interrupted
    assert report["trades"] == expected["trades"]
    assert len(report["trades"]) >= before.trades_count > 0


@pytest.mark.parametrize("command", ["pause", "flatten", "stop"])
async def test_a_command_that_a_stopping_host_carries_out_no_more_is_not_acknowledged(
    tmp_path: Path, candle_file: Path, command: str
) -> None:
    async with hosting(tmp_path / "home") as host:
        session_id = (await host.start(replay_request(candle_file, speed=0.001))).session_id
        await host.resume(session_id)
        leaving = asyncio.ensure_future(host.registry.leave_all())
        for _ in range(2):  # turns in which the session is told to rest
            await asyncio.sleep(0)
        for _ in range(2):  # before it has heard of that, and when it rests
            with pytest.raises(CommandError, match="rests until the next host"):
                await getattr(host, command)(session_id)
            await leaving


async def test_a_host_that_stops_starts_nothing_that_nobody_would_run(
    tmp_path: Path, candle_file: Path
) -> None:
    async with hosting(tmp_path / "home") as host:
        host.shut_down()
        await asyncio.sleep(0)
        with pytest.raises(CommandError, match="the host is stopping"):
            await host.start(replay_request(candle_file))


async def test_a_start_that_a_full_disk_refused_leaves_no_session_to_the_next_host(
    tmp_path: Path, candle_file: Path
) -> None:
    disk = FullDisk(100_000_000)
    started, refused = set(), ""
    async with hosting(tmp_path / "home", disk=disk) as host:
        for room in range(0, 3_000, 40):
            disk.room = room
            try:
                started.add((await host.start(replay_request(candle_file))).session_id)
            except CommandError as error:
                refused += str(error)
            disk.room = 100_000_000
    for what in ("cannot be recorded", "events.jsonl", "papertape.json"):
        assert what in refused
    async with hosting(tmp_path / "home") as host:
        assert {session.id for session in host.fresh_snapshot().sessions} == started


@pytest.mark.parametrize("command", ["pause", "flatten", "stop"])
async def test_a_command_that_cannot_be_written_down_is_not_acknowledged(
    tmp_path: Path, candle_file: Path, command: str
) -> None:
    disk = FullDisk(100_000_000)
    async with hosting(tmp_path / "home", disk=disk) as host:
        session_id = (await host.start(replay_request(candle_file, speed=0.001))).session_id
        await host.resume(session_id)
        disk.room = 0
        with pytest.raises(CommandError, match=r"was interrupted: .*cannot be written"):
            await getattr(host, command)(session_id)
        disk.room = 100_000_000
        await host.stop(session_id)
        assert host.snapshot().sessions[0].state is SessionState.STOPPED


async def test_sessions_on_one_feed_are_resumed_after_its_disk_failed(tmp_path: Path) -> None:
    disk, candles = FullDisk(100_000_000), {"BTC/USDT": market(400)}
    feeds: list[TestFeed] = []

    async def make(*_: Any) -> TestFeed:
        # Whoever comes back is told everything that closed since.
        feeds.append(TestFeed(candles, 250))
        return feeds[-1]

    async def decided(host: Host, place: int) -> None:
        for feed in feeds[-2:]:
            await subscribed(feed)
            for one in range(250, place + 1):
                feed.candle(one)
        time = int(candles["BTC/USDT"].time[place])
        await until(lambda: all(x.last_candle == time for x in host.fresh_snapshot().sessions))

    async with hosting(tmp_path / "home", feeds={FeedKind.LIVE: make}, disk=disk) as host:
        request = StartRequest(RSI, fills=Fills.CANDLE)
        ids = [(await host.start(request)).session_id for _ in range(2)]
        await decided(host, 260)
        disk.room = 0
        for feed in feeds:
            feed.candle(261)
        await until(lambda: all(one.interrupted for one in host.fresh_snapshot().sessions))
        disk.room = 100_000_000
        for session_id in ids:
            await host.resume(session_id)
        await decided(host, 390)
        reports: list[Any] = [await host.stop(session_id) for session_id in ids]
        inputs = await host.reader.inputs(ids[0])
    expected = run_backtest(inputs.config, inputs.candles, decide_from=inputs.decide_from)
    for report in reports:
        assert report["trades"] == result_to_json(expected)["trades"] != []
        assert report["period"]["candles"] == 141


@pytest.mark.parametrize("fate", ["moved", "deleted", "replaced"])
async def test_a_vanished_workspace_stops_all_trading_and_ends_the_host_with_words(
    tmp_path: Path, candle_file: Path, fate: str
) -> None:
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    with pytest.raises(WorkspaceLostError, match=f"the workspace {home} "):
        async with hosting(home) as host:
            session_id = (await host.start(replay_request(candle_file, speed=0.001))).session_id
            await host.pause(session_id)  # so that it has begun
            home.rename(elsewhere)
            if fate == "deleted":
                shutil.rmtree(elsewhere)
            elif fate == "replaced":
                shutil.copytree(elsewhere, home)
            await until(lambda: host.snapshot().sessions[0].state is SessionState.ERROR)
    (session,) = host.snapshot().sessions
    assert session.state is SessionState.ERROR
    assert str(home) in str(session.state_reason)
    assert any(str(home) in line.text and line.session_id is None for line in host.logs())
    assert home.exists() is (fate == "replaced")
    if fate != "deleted":
        async with hosting(elsewhere) as later:
            await later.resume(session_id)
            assert later.snapshot().sessions[0].state is SessionState.RUNNING


async def test_a_stopped_session_has_no_next_jobs(tmp_path: Path, candle_file: Path) -> None:
    async with hosting(tmp_path / "home", schedule=Schedule) as host:
        session_id = (await host.start(replay_request(candle_file, speed=0.001))).session_id
        order = JobOrder(every_seconds=60, session_id=session_id)
        await LocalLink(host).add_job(order)
        await host.pause(session_id)
        (shown,) = host.fresh_snapshot().sessions[0].next_jobs
        assert f"check session {session_id}, every 1m" in shown
        await host.stop(session_id)
        assert host.snapshot().sessions[0].next_jobs == ()
    async with hosting(tmp_path / "home", schedule=Schedule) as host:
        assert host.snapshot().sessions[0].next_jobs == ()


async def test_a_session_without_a_trade_says_why(tmp_path: Path, candle_file: Path) -> None:
    never = {**RSI, "entry_conditions": [{"indicator": "rsi", "operator": "lt", "value": 1}]}
    async with hosting(tmp_path / "home") as host:
        request = replace(replay_request(candle_file), config=never)
        session_id = (await host.start(request)).session_id
        await host.ended(session_id)
        report: Any = await host.reader.report(session_id)
    expected = run_backtest(parse_config(never).config, {"BTC/USDT": market(1_000)}).diagnosis
    assert report["trades"] == []
    assert report["diagnosis"] == expected
    assert expected is not None
    assert str(expected["summary"]).startswith("rsi < 1 never held on 986 candles")


async def test_pause_flatten_resume_and_stop(tmp_path: Path, candle_file: Path) -> None:
    async with hosting(tmp_path / "home") as host:
        session_id = (await host.start(replay_request(candle_file, speed=0.001))).session_id
        await host.pause(session_id)
        assert host.snapshot().sessions[0].state is SessionState.PAUSED
        await host.resume(session_id)
        assert host.snapshot().sessions[0].state is SessionState.RUNNING
        with pytest.raises(CommandError, match="trades BTC/USDT, not 'ETH/USDT'"):
            await host.flatten(session_id, "ETH/USDT")
        with pytest.raises(CommandError, match="does not enter: its indicators"):
            await host.enter(session_id, "BTC/USDT", Side.SHORT)
        await host.pause(session_id, "BTC/USDT")
        assert host.snapshot().sessions[0].state is SessionState.RUNNING
        assert host.snapshot().sessions[0].blocked == ("BTC/USDT",)
        with pytest.raises(CommandError, match="is running: stop it first"):
            await host.delete(session_id)
        report: Any = await host.stop(session_id)
        assert report["session_id"] == session_id
        with pytest.raises(CommandError, match="has ended"):
            await host.pause(session_id)
        assert (await host.stop(session_id))["state"] == "stopped"
        await host.delete(session_id)
        assert host.snapshot().sessions == ()
    assert not (tmp_path / "home" / "sessions" / session_id).exists()


async def test_a_session_that_waits_for_its_venue_refuses_commands_but_stop(
    tmp_path: Path,
) -> None:
    feed = TestFeed({"BTC/USDT": market(300)}, 250)
    feed.silent = 1

    async with hosting(tmp_path / "home", feeds=live_feed(feed)) as host:
        session_id = (await host.start(StartRequest(RSI))).session_id
        noted = next(line for line in host.logs() if line.text.startswith("No backtest is saved"))
        assert noted.level is Level.INFO, "advice, and no trouble of the session"
        # One may be saved while it runs: what it shows from then on has to be true as well.
        (shown,) = host.snapshot().sessions[0].notices
        assert shown == "When it began, no backtest was saved in this strategy's document."
        await until(lambda: host.fresh_snapshot().sessions[0].state is SessionState.STALE)
        for command in (host.pause, host.resume, host.flatten):
            with pytest.raises(CommandError, match=r"waits for its venue \(the venue does not"):
                await command(session_id)
        assert (await host.stop(session_id))["state"] == "stopped"


async def test_a_date_of_a_session_that_does_not_run_yet_is_told_as_one_that_may_be_put_off(
    tmp_path: Path,
) -> None:
    feed = TestFeed({"BTC/USDT": market(300)}, 250)
    feed.silent = 1
    later = "Its time counts from when it runs: a venue that answers late puts that off."
    home = tmp_path / "home"
    async with hosting(home, feeds=live_feed(feed), schedule=Schedule) as host:
        counted = await host.start(StartRequest(RSI, run_for=DAY))
        fixed = await host.start(StartRequest(RSI, until=wall_clock() + DAY))
        endless = await host.start(StartRequest(RSI))
    assert "a full report on 20" in str(counted.message)
    assert str(counted.message).endswith(f" UTC. {later}")
    assert "a full report on 20" in str(fixed.message)
    for reply in (fixed, endless):
        assert later not in str(reply.message)


async def test_the_next_host_goes_on_with_what_was_running_and_shows_what_had_ended(
    tmp_path: Path, candle_file: Path
) -> None:
    home = tmp_path / "home"
    async with hosting(home) as host:
        done = (await host.start(replay_request(candle_file))).session_id
        await host.ended(done)
        resting = (await host.start(replay_request(candle_file, speed=0.001))).session_id
        await host.pause(resting)
        before = {one.id: one for one in host.snapshot().sessions}
    async with hosting(home) as host:
        after = {one.id: one for one in host.snapshot().sessions}
        assert after[done] == before[done]
        await host.resume(resting)
        assert (await host.reader.detail(done)).trades
        report: Any = await host.stop(resting)
    assert [restart["after"] for restart in report["restarts"]] == [None]


async def test_until_its_journal_is_read_nothing_is_told_of_what_a_session_holds(
    tmp_path: Path,
) -> None:
    home, reached = tmp_path / "home", asyncio.Event()
    feed = TestFeed({"BTC/USDT": market(300)}, 250)

    async def make(*_: Any) -> TestFeed:
        await reached.wait()
        return feed

    reached.set()
    async with hosting(home, feeds={FeedKind.LIVE: make}) as host:
        await host.start(StartRequest(RSI, fills=Fills.CANDLE))
        await subscribed(feed)
        feed.candle(250)
        await until(lambda: host.fresh_snapshot().sessions[0].last_candle is not None)
    reached.clear()
    async with hosting(home, feeds={FeedKind.LIVE: make}) as host:
        (shown,) = host.fresh_snapshot().sessions
        assert shown.unread
        told = session_to_json(shown)
        unknown = ("equity", "realized_pnl", "unrealized_pnl", "trades_count")
        assert {told[name] for name in unknown} == {None}
        reached.set()
        await until(lambda: not host.fresh_snapshot().sessions[0].unread)
        assert session_to_json(host.fresh_snapshot().sessions[0])["equity"] == 10_000.0


async def test_who_asks_for_a_session_that_is_taken_up_again_waits_until_its_journal_is_read(
    tmp_path: Path,
) -> None:
    home, feed = tmp_path / "home", TestFeed({"BTC/USDT": market(400)}, 250)

    async with hosting(home, feeds=live_feed(feed)) as host:
        session_id = (await host.start(StartRequest(RSI, fills=Fills.CANDLE))).session_id
        await subscribed(feed)
        for place in range(250, 300):
            last = feed.candle(place).time
        await until(lambda: host.fresh_snapshot().sessions[0].last_candle == last)
        trades = await host.reader.closed_trades(session_id)
        assert trades
    feed = TestFeed({"BTC/USDT": market(400)}, 300)
    answers: list[Any] = []

    async def ask_at_once(host: Host) -> None:
        link = LocalLink(host)
        job = new_job("job00001", every(60, host.since), now=host.since, session_id=session_id)
        told = msgspec.structs.replace(job, seen_trades=len(trades))
        (shown,) = host.snapshot().sessions
        assert shown.unread
        answers.extend(
            await asyncio.gather(
                link.detail(session_id),
                link.closed_trades(session_id),
                link.report(session_id),
                carry_out(told, link),
                link.stop(session_id),
            )
        )

    async with hosting(home, feeds=live_feed(feed), companions=[ask_at_once]):
        await until(lambda: bool(answers))
    detail, closed, report, outcome, final = answers
    assert detail.trades == closed == trades
    assert detail.snapshot.trades_count == len(trades)
    assert not detail.snapshot.unread
    counted = [one["metrics"]["total_trades"] for one in (report, final)]
    assert counted == [len(trades), len(trades)]
    assert outcome.seen_trades == len(trades)
    assert "being taken up" not in outcome.text


async def test_nothing_is_told_of_what_a_session_holds_where_its_host_leaves_it_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, feed = tmp_path / "home", TestFeed({"BTC/USDT": market(300)}, 250)
    answers: list[Any] = []

    async with hosting(home, feeds=live_feed(feed)) as host:
        session_id = (await host.start(StartRequest(RSI, fills=Fills.CANDLE))).session_id
        await subscribed(feed)

    async def slow(*_: Any) -> None:
        await asyncio.Event().wait()

    async def ask_at_once(host: Host) -> None:
        reader = host.reader
        asked = (one(session_id) for one in (reader.detail, reader.report, reader.closed_trades))
        answers.extend(await asyncio.gather(*asked, return_exceptions=True))

    monkeypatch.setattr(SessionStartup, "again", slow)
    async with hosting(home, feeds=live_feed(feed), companions=[ask_at_once]) as host:
        (shown,) = host.fresh_snapshot().sessions
        assert not answers
    detail, *refusals = answers
    assert all(isinstance(one, CommandError) for one in refusals)
    told = status_to_json(shown, detail, since=1)
    unknown = ("trades_count", "open_positions", "waiting_orders", "orders", "trades", "new_trades")
    assert {name: told[name] for name in unknown} == dict.fromkeys(unknown)


async def test_a_session_that_cannot_be_gone_on_with_does_not_end_as_an_empty_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, feed = tmp_path / "home", TestFeed({"BTC/USDT": market(300)}, 250)

    async with hosting(home, feeds=live_feed(feed)) as host:
        session_id = (await host.start(StartRequest(RSI, fills=Fills.CANDLE))).session_id
        await subscribed(feed)

    async def broken(*_: Any) -> None:
        raise RuntimeError("it does not go on")

    monkeypatch.setattr(SessionStartup, "again", broken)
    async with hosting(home, feeds=live_feed(feed)) as host:
        await host.ended(session_id)
        (shown,) = host.fresh_snapshot().sessions
    assert shown.interrupted
    assert shown.state_reason == "RuntimeError: it does not go on"
    assert not (home / "sessions" / session_id / "report.json").exists()


async def test_the_index_is_rebuilt_from_the_journals(tmp_path: Path, candle_file: Path) -> None:
    home = tmp_path / "home"
    async with hosting(home) as host:
        done = (await host.start(replay_request(candle_file))).session_id
        await host.ended(done)
        (before,) = host.snapshot().sessions
    (home / "papertape.json").unlink()
    (home / "papertape.backup.json").unlink()
    async with hosting(home) as host:
        (after,) = host.snapshot().sessions
    assert after == before


async def test_a_restart_is_a_new_session_on_the_same_snapshot(
    tmp_path: Path, candle_file: Path
) -> None:
    async with hosting(tmp_path / "home") as host:
        first = (await host.start(replay_request(candle_file))).session_id
        await host.ended(first)
        second = (await host.restart(first)).session_id
        await host.ended(second)
        reports = [await host.reader.report(one) for one in (first, second)]
        await host.archive(first)
        assert [one.id for one in host.snapshot().sessions] == [second]
    assert reports[0]["trades"] == reports[1]["trades"]
    assert (tmp_path / "home" / "sessions" / first / "report.json").exists()


async def test_a_host_finds_what_earlier_ones_logged_of_a_session(tmp_path: Path) -> None:
    """Only the end of host.log is read again at the start: the rest is there for who asks."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    line = "2025-11-2{}T10:00:0{:.3f}+00:00 info    {:<8} {}\n"
    many = (line.format(3, n / 1_000, "other123", f"line {n}") for n in range(6_000))
    (home / "host.log").write_text(line.format(2, 0.0, "k3x9a1pq", "bought") + "".join(many))
    async with hosting(home) as host:
        link = LocalLink(host)
        assert not link.logs(after=-KEPT, session_id="k3x9a1pq")
        (found,) = await link.earlier_log("k3x9a1pq")
        assert found.text == "bought"
        here = link.logs(after=-KEPT, session_id="other123")
        earlier = await link.earlier_log("other123")
        assert here[0].time - earlier[-1].time == 1, "none is missing, and none is there twice"
        assert not await link.earlier_log("nothing0")


async def test_what_an_archived_session_gained_on_its_last_day_is_known_for_two_days(
    tmp_path: Path, candle_file: Path
) -> None:
    home, ended = tmp_path / "home", 0
    async with hosting(home) as host:
        session_id = (await host.start(replay_request(candle_file))).session_id
        await host.ended(session_id)
        (final,) = host.snapshot().sessions
        ended = final.ended or 0
    for later, known in ((DAY, True), (3 * DAY, False)):
        async with hosting(home, clock=lambda later=later: ended + later) as host:
            assert host.fresh_snapshot().archived == ()
            await host.archive(session_id)
            expected = (LastDay(final.mode, final.symbols, ended, final.pnl_today),)
            assert host.fresh_snapshot().archived == (expected if known else ())
            await host.unarchive(session_id)
            assert host.fresh_snapshot().archived == ()
            await host.archive(session_id)
        async with hosting(home, clock=lambda later=later: ended + later) as host:
            assert host.fresh_snapshot().archived == (expected if known else ())
            await host.unarchive(session_id)


async def test_an_archived_session_is_still_read_restarted_and_deleted_by_its_id(
    tmp_path: Path, candle_file: Path
) -> None:
    async with hosting(tmp_path / "home") as host:
        first = (await host.start(replay_request(candle_file))).session_id
        await host.ended(first)
        before: Any = await host.reader.report(first)
        await host.archive(first)
        assert [one.id for one in await host.reader.archived()] == [first]
        await host.unarchive(first)
        assert [one.id for one in host.snapshot().sessions] == [first]
        with pytest.raises(CommandError, match="not archived"):
            await host.unarchive(first)
        await host.archive(first)
    async with hosting(tmp_path / "home") as host:
        assert host.snapshot().sessions == ()
        assert [one.state for one in await host.reader.archived()] == [SessionState.STOPPED]
        assert len(await host.reader.closed_trades(first)) == len(before["trades"]) > 0
        chart = await host.reader.chart(first, "BTC/USDT", count=20)
        assert len(chart.candles) == 20
        assert {line.name for line in chart.lines} == {"rsi"}
        for trade in await host.reader.closed_trades(first):
            at = await host.reader.chart(first, "BTC/USDT", until=trade.signal_time + 1, count=1)
            assert [one.time for one in at.candles] == [trade.signal_time]
            (entry, exit_) = at.conditions or ()
            assert (entry.group, entry.holds, exit_.group) == ("entry", True, "exit")
        with pytest.raises(CommandError, match="trades BTC/USDT"):
            await host.reader.chart(first, "ETH/USDT")
        assert await host.reader.report(first) == before
        assert (await host.reader.detail(first)).trades
        await host.ended((await host.restart(first)).session_id)
        with pytest.raises(CommandError, match="has ended"):
            await host.resume(first)
        await host.delete(first)
        with pytest.raises(CommandError, match="no session"):
            await host.reader.report(first)
    assert not (tmp_path / "home" / "sessions" / first).exists()


async def test_a_second_host_is_refused_with_the_holders_name(tmp_path: Path) -> None:
    async with hosting(tmp_path, kind="headless"):
        with pytest.raises(AlreadyHostedError, match=r"hosted by process \d+ \(headless\)"):
            await run_host(Workspace(tmp_path), HostOptions())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"config": {**RSI, "timeframe": "7m", "stop_los_pct": 3}}, "2 problems"),
        ({"data": {}}, "a candle file for each symbol: none for BTC/USDT"),
        ({"data": {"BTC/USDT": "/nowhere/at.csv"}}, "there is no candle file /nowhere/at.csv"),
        ({"speed": -1.0}, "a speed above 0"),
        ({"run_for": 2**62}, "at most 100 years"),
        ({"until": 10**30}, "within the years 1970 to 9999"),
        ({"feed": FeedKind.LIVE, "data": None}, "this host has no live feed"),
    ],
)
async def test_a_request_that_makes_no_sense_is_refused_with_words(
    tmp_path: Path, candle_file: Path, change: dict[str, Any], message: str
) -> None:
    fields: dict[str, Any] = {
        "config": RSI,
        "feed": FeedKind.REPLAY,
        "data": {"BTC/USDT": str(candle_file)},
    }
    async with hosting(tmp_path / "home") as host:
        with pytest.raises(CommandError, match=message):
            await host.start(StartRequest(**{**fields, **change}))
        assert host.snapshot().sessions == ()


def test_a_host_on_its_own_thread_answers_other_loops(tmp_path: Path, candle_file: Path) -> None:
    hosted = LocalHosting(Workspace(tmp_path / "home"), lambda: HostOptions(kind="tui"), [])
    links: list[LocalLink] = []
    ready = threading.Event()

    def take(link: LocalLink) -> None:
        links.append(link)
        ready.set()

    thread = threading.Thread(target=hosted.run, args=(take,))
    thread.start()
    try:
        assert ready.wait(10)
        link = links[0]

        async def use() -> None:
            reply = await link.start(replay_request(candle_file, speed=0.001))
            assert link.snapshot().sessions[0].id == reply.session_id
            assert link.snapshot().kind == "tui"
            await link.stop(reply.session_id)

        asyncio.run(use())
        assert any("stopped by hand" in line.text for line in link.logs())
    finally:
        hosted.let_go(keep_running=False)
        thread.join(10)
    assert not thread.is_alive()


def test_letting_go_hands_the_sessions_to_a_host_without_a_screen(
    tmp_path: Path, candle_file: Path
) -> None:
    home = tmp_path / "home"
    code = (
        "import asyncio, sys; from pathlib import Path\n"
        "from core.host.host import HostOptions\n"
        "from core.host.runner import run_host\n"
        "from core.store.lock import current_host\n"
        "from core.store.workspace import Workspace\n"
        "while current_host(Workspace(Path(sys.argv[1]))):\n"
        "    pass\n"
        "def ready(host):\n"
        "    Path(sys.argv[2]).write_text(host.snapshot().sessions[0].state)\n"
        "    host.shut_down()\n"
        "asyncio.run(run_host(Workspace(Path(sys.argv[1])), HostOptions(), ready))\n"
    )
    taken = tmp_path / "taken"
    successor = [sys.executable, "-c", code, str(home), str(taken)]
    hosted = LocalHosting(Workspace(home), lambda: HostOptions(kind="tui"), successor)

    def take(link: LocalLink) -> None:
        async def use() -> None:
            await link.start(replay_request(candle_file, speed=0.001))
            hosted.let_go(keep_running=True)

        asyncio.get_running_loop().create_task(use())

    hosted.run(take)
    until_blocking(lambda: taken.exists() and taken.read_text())
    assert taken.read_text() in ("starting", "running")


def test_a_screen_leaves_also_where_no_other_host_can_be_started(
    tmp_path: Path, candle_file: Path
) -> None:
    workspace = Workspace(tmp_path / "home")
    successor = [str(tmp_path / "no such program")]
    hosted = LocalHosting(workspace, lambda: HostOptions(kind="tui"), successor)
    links: list[LocalLink] = []

    def leave(link: LocalLink) -> None:
        links.append(link)
        hosted.let_go(keep_running=True)

    hosted.run(leave)
    assert any("no host without a screen could be started" in line.text for line in links[0].logs())


def test_a_workspace_that_cannot_be_made_is_refused_with_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    workspace = Workspace(tmp_path / "file" / "home")
    with pytest.raises(WorkspaceError, match="cannot be made"):
        asyncio.run(run_host(workspace, HostOptions()))


async def test_a_resting_session_shows_where_it_stands(tmp_path: Path) -> None:
    home = tmp_path / "home"
    feed = TestFeed({"BTC/USDT": market(300)}, 250)

    async with hosting(home, feeds=live_feed(feed)) as host:
        session_id = (await host.start(StartRequest(RSI, fills=Fills.CANDLE))).session_id
        await subscribed(feed)
        for place in range(250, 290):
            feed.candle(place)
        last = int(feed.candles["BTC/USDT"].time[289])
        await until(lambda: host.fresh_snapshot().sessions[0].last_candle == last)
        (running,) = host.fresh_snapshot().sessions
    (resting,) = await offline_sessions(Workspace(home))
    same = ("last_candle", "equity", "trades_count", "realized_pnl", "equity_curve", "pnl_today")
    for name in same:
        assert getattr(resting, name) == getattr(running, name), name
    assert resting.state is SessionState.STALE
    assert resting.now >= (resting.running_since or 0)
    assert (await offline_report(Workspace(home), session_id))["period"]["candles"] == 40


async def test_today_is_of_the_day_of_the_zone_that_was_chosen(tmp_path: Path) -> None:
    home = tmp_path / "home"
    feed = TestFeed({"BTC/USDT": market(400)}, 250)
    async with hosting(home, feeds=live_feed(feed)) as host:
        session_id = (await host.start(StartRequest(RSI, fills=Fills.CANDLE))).session_id
        await subscribed(feed)
        for place in range(250, 400):
            feed.candle(place)
        last = int(feed.candles["BTC/USDT"].time[399])
        await until(lambda: host.fresh_snapshot().sessions[0].last_candle == last)
        report: Any = await host.reader.report(session_id)
        equity = {parse_time(at): value for at, value in report["equity"]}
        begun = set()
        for hours in range(1, 12):
            midnight = last // HOUR * HOUR - hours * HOUR
            behind = midnight // HOUR % 24
            zone = f"Etc/GMT+{behind}" if behind <= 12 else f"Etc/GMT-{24 - behind}"
            write_preference(Workspace(home).preferences, "time_zone", zone, OsDisk())
            (shown,) = host.fresh_snapshot().sessions
            begun.add(equity[midnight - SPAN])
            assert shown.equity - shown.pnl_today == pytest.approx(equity[midnight - SPAN])
        assert len(begun) > 2, "days that begin elsewhere begin with another equity"
        await host.stop(session_id)
        (ended,) = host.fresh_snapshot().sessions
    # Also where the index is made anew, out of the journal.
    (home / "papertape.json").unlink()
    (home / "sessions" / session_id / "report.json").unlink()
    async with hosting(home) as host:
        await until(lambda: host.fresh_snapshot().sessions[0].state is SessionState.STOPPED)
        (anew,) = host.fresh_snapshot().sessions
    assert anew.pnl_today == pytest.approx(ended.pnl_today)


async def test_a_session_that_cannot_be_shown_keeps_no_other_from_being_seen(
    tmp_path: Path, candle_file: Path
) -> None:
    async with hosting(tmp_path / "home", schedule=_OddSchedule) as host:
        ids = [
            (await host.start(replay_request(candle_file, speed=0.001))).session_id
            for _ in range(2)
        ]
        _OddSchedule.odd = ids[0]
        for session_id in ids:
            await host.pause(session_id)
        shown = {one.id: one.state for one in host.fresh_snapshot().sessions}
        assert shown[ids[1]] is SessionState.PAUSED
        host.fresh_snapshot()
        said = [line for line in host.logs() if "cannot be shown" in line.text]
        assert [line.session_id for line in said] == [ids[0]]


class _OddSchedule(Schedule):
    """A schedule that cannot tell the jobs of one session."""

    odd = ""

    def jobs_of(self, session_id: str) -> tuple[str, ...]:
        if session_id == self.odd:
            raise OverflowError("no such year")
        return super().jobs_of(session_id)


async def test_the_first_look_at_a_replay_computes_its_readings_in_a_thread(
    tmp_path: Path, candle_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by: list[threading.Thread] = []

    class Watched(BatchRules):
        def __init__(self, *given: Any) -> None:
            by.append(threading.current_thread())
            super().__init__(*given)

    monkeypatch.setattr("core.strategy.signals.condition_source.BatchRules", Watched)
    async with hosting(tmp_path / "home") as host:
        session_id = (await host.start(replay_request(candle_file, speed=0.001))).session_id
        while not (await host.reader.detail(session_id)).readings:
            await asyncio.sleep(0)
        await host.reader.detail(session_id)
    assert len(by) == 2, "for its flags, and once for whoever looks"
    assert threading.main_thread() not in by
