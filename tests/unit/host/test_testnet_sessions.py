"""Asking a host for the testnet: with keys and without, what is refused, and where keys end up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest

from core.exchange.market.clock import ManualClock
from core.exchange.market.synthetic import SyntheticMarket
from core.exchange.rest.signing import ed25519_pair
from core.exchange.server import EmbeddedExchange
from core.host.host import Host
from core.host.link import BadRequestError, CommandError
from core.host.venue_accounts import NoAccountError, VenueAccounts
from core.journal.values import BrokerKind, FeedKind, Mode
from core.market.candles.timeframes import DAY
from core.session.order_mirror import NoDeskError
from core.session.snapshot import StartRequest
from core.session.start_notices import as_it_began
from core.store.credentials import ApiKey
from core.store.redaction import Redactor, Secret
from core.store.workspace import Workspace
from core.trading.nautilus.client import NautilusClient
from core.trading.values import Fills
from core.trading.venue_hosts import OrderAddresses
from tests.exchange.desks import SCRIPTED, executed
from tests.unit.host.hosts import hosting
from tests.unit.session.scripted import TestFeed
from tests.unit.session.sessions import RSI, Bench, market
from tests.unit.session.test_live_engine import ALWAYS
from tests.unit.store.disks import FullDisk
from tests.waiting import until

KEY, SECRET = "tnKEY0123456789abcdef", "tnSECRET/fedcba+9876543210"
SPOT, PERPETUAL = "BTC/USDT", "BTC/USDT:USDT"
SMALL = {**ALWAYS, "trade_size_pct": 10}


@pytest.fixture
def scripted_nautilus(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has a scripted child stand in for Nautilus."""
    monkeypatch.setattr("core.trading.nautilus.process.CHILD", SCRIPTED)


@pytest.fixture
async def venue() -> AsyncIterator[EmbeddedExchange]:
    rich = {"USDT": Decimal(10**9)}
    clock, shown = ManualClock(20_755 * DAY), SyntheticMarket(seed=7)
    async with EmbeddedExchange(
        shown, clock, keys={KEY: SECRET}, balances=rich, wallet=rich
    ) as exchange:
        yield exchange


def put_keys(root: Path, *sections: str) -> None:
    workspace = Workspace(root)
    workspace.prepare()
    text = "".join(f"{name}:\n  api_key: {KEY}\n  api_secret: '{SECRET}'\n" for name in sections)
    workspace.credentials.write_text(text)
    workspace.credentials.chmod(0o600)


def at(spot: str, futures: str) -> OrderAddresses:
    return OrderAddresses(spot, futures, spot, futures)


class Hosting:
    """Hosts of one workspace whose live sessions see what a test says."""

    def __init__(self, root: Path, venue: EmbeddedExchange) -> None:
        self.root = root
        self.feeds: list[TestFeed] = []
        self._venue = venue

    def host(self, known: int = 250, **options: Any) -> AbstractAsyncContextManager[Host]:
        async def feed(record: Any, _: Any) -> TestFeed:
            table = market(400)
            made = TestFeed(dict.fromkeys(record.config["symbols"], table), known)
            self.feeds.append(made)
            return made

        feeds = {FeedKind.LIVE: feed, FeedKind.POLL: feed}
        addresses = at(self._venue.rest_url, self._venue.futures_rest_url)
        return hosting(self.root, feeds=feeds, order_addresses=addresses, **options)

    async def enter(self, host: Host, session_id: str, place: int = 250) -> None:
        """Let the session's only symbol be bought, and its order be answered."""
        feed = self.feeds[-1]
        (symbol,) = feed.candles
        await until(lambda: symbol in feed.subscribed)
        feed.candle(place, symbol)
        feed.price(100.0, symbol)
        await until(lambda: bool(session(host, session_id).open_positions))


def session(host: Host, session_id: str) -> Any:
    return next(one for one in host.fresh_snapshot().sessions if one.id == session_id)


def logged(host: Host, words: str) -> bool:
    return any(words in line.text for line in host.logs())


def request(config: dict[str, Any] = SMALL, **fields: Any) -> StartRequest:
    return StartRequest(config, **{"broker": BrokerKind.TESTNET, **fields})


async def test_with_keys_it_trades_on_the_testnet_and_no_key_is_seen_anywhere(
    tmp_path: Path, venue: EmbeddedExchange
) -> None:
    put_keys(tmp_path, "binance_testnet")
    hosts = Hosting(tmp_path, venue)
    shown: list[str] = []
    async with hosts.host() as host:
        reply = await host.start(request())
        assert reply.mode is Mode.TESTNET
        assert not any("testnet" in notice for notice in reply.notices)
        venue.switch_on("unknown_outcome", "/api/v3/*", times=1)
        await hosts.enter(host, reply.session_id)
        await until(lambda: session(host, reply.session_id).orders.filled == 1)
        one = session(host, reply.session_id)
        assert (one.broker, one.orders.made, one.orders.refused) == (BrokerKind.TESTNET, 1, 0)
        (row,) = (await host.reader.detail(reply.session_id)).orders
        assert row.venue_price is not None
        venue.accounts.revoke(KEY)
        asyncio.get_running_loop().call_later(0.05, hosts.feeds[-1].price, 101.0)
        report = await host.stop(reply.session_id, flatten=True)
        assert report["mode"] == "TESTNET"
        orders: Any = report["venue_orders"]
        assert (orders["filled"], orders["refused"]) == (1, 1)
        assert "-2015" in orders["list"][1]["why"]
        shown += [repr(host.fresh_snapshot()), repr(host.logs()), repr(report)]
        shown += [repr(await host.reader.detail(reply.session_id)), repr(host.accounts)]
    for path in tmp_path.rglob("*"):
        if path.is_file() and path.name != "exchanges.yaml":
            shown.append(path.read_bytes().decode("utf-8", errors="replace"))
    assert len(shown) > 8
    for text in shown:
        assert KEY not in text
        assert SECRET not in text
        assert "signature=" not in text


async def test_without_keys_it_runs_simulated_and_says_what_to_do(
    tmp_path: Path, venue: EmbeddedExchange
) -> None:
    hosts = Hosting(tmp_path, venue)
    async with hosts.host() as host:
        reply = await host.start(request())
        assert reply.mode is Mode.SIMULATED
        (notice,) = (notice for notice in reply.notices if "testnet" in notice)
        assert "asked for testnet, runs simulated: there are no keys for spot orders" in notice
        assert "exchanges.yaml" in notice
        assert "papertape doctor" in notice
        await hosts.enter(host, reply.session_id)
        assert session(host, reply.session_id).orders is None
    assert executed(venue) == []


async def test_with_keys_the_testnet_is_usual_on_a_live_feed_and_told(
    tmp_path: Path, venue: EmbeddedExchange
) -> None:
    async with Hosting(tmp_path, venue).host() as host:
        nothing = await host.start(request(broker=None))
        assert nothing.mode is Mode.SIMULATED
        assert not any("testnet" in notice for notice in nothing.notices)
        put_keys(tmp_path, "binance_testnet")
        usual = await host.start(request(broker=None))
        assert usual.mode is Mode.TESTNET
        assert any("there are keys for the testnet" in notice for notice in usual.notices)
        short = await host.start(request({**SMALL, "direction": "short"}, broker=None))
        assert short.mode is Mode.SIMULATED
        assert any("though there are keys" in notice for notice in short.notices)


SHORT = {**SMALL, "direction": "short"}
PERP = {**SMALL, "symbols": [PERPETUAL]}
ETHER = {**SMALL, "symbols": ["ETH/USDT:USDT"]}


@pytest.mark.parametrize(
    ("config", "fields", "words"),
    [
        (SMALL, {"feed": FeedKind.POLL}, "follow prices as they come, not a poll feed"),
        (SMALL, {"fills": Fills.CANDLE}, "leave out fills candle"),
        (SHORT, {}, "BTC/USDT is a spot market.*trade the perpetual BTC/USDT:USDT"),
        ({**SMALL, "leverage": 2}, {}, "neither short nor leverage"),
        ({**PERP, "leverage": 2.5}, {}, "leverage 2.5: a venue takes whole numbers"),
        (SMALL, {"api_key": KEY}, "takes both: api_key and api_secret"),
    ],
)
async def test_what_a_venue_could_not_do_is_refused_before_the_start(
    tmp_path: Path, venue: EmbeddedExchange, config: Any, fields: Any, words: str
) -> None:
    put_keys(tmp_path, "binance_testnet", "binance_demo")
    async with Hosting(tmp_path, venue).host() as host:
        with pytest.raises(BadRequestError, match=words) as refused:
            await host.start(request(config, **fields))
        assert KEY not in str(refused.value)
        assert host.fresh_snapshot().sessions == ()


async def test_a_replay_cannot_order(tmp_path: Path, venue: EmbeddedExchange) -> None:
    async with Hosting(tmp_path, venue).host() as host:
        with pytest.raises(BadRequestError, match="not a replay feed"):
            data = {SPOT: str(tmp_path / "none.csv")}
            (tmp_path / "none.csv").write_text("")
            await host.start(request(feed=FeedKind.REPLAY, data=data))


async def test_one_session_alone_trades_a_perpetual_on_an_account(
    tmp_path: Path, venue: EmbeddedExchange
) -> None:
    put_keys(tmp_path, "binance_demo")
    hosts = Hosting(tmp_path, venue)
    async with hosts.host() as host:
        first = await host.start(request(PERP))
        with pytest.raises(BadRequestError, match=f"session {first.session_id} trades BTC/USDT:"):
            await host.start(request(PERP))
        assert (await host.start(request())).mode is Mode.TESTNET  # spot beside it
        simulated = await host.start(request(PERP, broker=BrokerKind.SIMULATED))
        assert simulated.mode is Mode.SIMULATED
        await host.stop(first.session_id)
        assert (await host.start(request(PERP))).mode is Mode.TESTNET
        assert executed(venue) == []
        at_once = (host.start(request(ETHER)) for _ in range(3))
        replies = await asyncio.gather(*at_once, return_exceptions=True)
        assert sum(isinstance(reply, BadRequestError) for reply in replies) == 2
    async with hosts.host() as host:  # also while sessions are taken up again
        with pytest.raises(BadRequestError, match="trades BTC/USDT:USDT on the testnet already"):
            await host.start(request(PERP))


async def test_a_session_that_may_be_resumed_keeps_its_perpetual(
    tmp_path: Path, venue: EmbeddedExchange
) -> None:
    put_keys(tmp_path, "binance_demo")
    hosts, disk = Hosting(tmp_path, venue), FullDisk(100_000_000)
    async with hosts.host(disk=disk) as host:
        first = (await host.start(request(PERP))).session_id
        await hosts.enter(host, first)
        disk.room = 0
        with pytest.raises(CommandError, match="was interrupted"):
            await host.pause(first)
        disk.room = 100_000_000
        await host.ended(first)
        with pytest.raises(BadRequestError, match=f"session {first} trades BTC/USDT:"):
            await host.start(request(PERP))
        await host.stop(first)
        assert (await host.start(request(PERP))).mode is Mode.TESTNET


async def test_a_key_given_at_the_start_is_used_and_not_kept(
    tmp_path: Path, venue: EmbeddedExchange
) -> None:
    hosts = Hosting(tmp_path, venue)
    async with hosts.host() as host:
        asked = request(api_key=KEY, api_secret=SECRET)
        assert KEY not in repr(asked)
        assert SECRET not in repr(asked)
        session_id = (await host.start(asked)).session_id
        await hosts.enter(host, session_id)
        await until(lambda: session(host, session_id).orders.filled == 1)
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), path
    async with hosts.host(known=251) as host:
        await until(lambda: len(hosts.feeds) == 2 and bool(hosts.feeds[1].subscribed))
        assert logged(host, "no orders are sent to the testnet: its keys are not here")
        await until(lambda: session(host, session_id).mode is Mode.SIMULATED)
        (notice,) = session(host, session_id).notices[-1:]
        assert "asked for testnet, runs simulated for now: its keys are not here" in notice
        assert "https://testnet.binance" in notice
        await host.flatten(session_id)
        hosts.feeds[1].price(101.0)
        await until(lambda: session(host, session_id).orders.refused == 1)
        await until(lambda: logged(host, "its keys are not here"))
        assert session(host, session_id).trades_count == 1
        assert "1 of 2 orders were refused" in session(host, session_id).notices[-1]
        # Once they are stored, it goes on ordering.
        put_keys(tmp_path, "binance_testnet")
        await hosts.enter(host, session_id, 251)
        await until(lambda: session(host, session_id).orders.filled == 2)
        await until(lambda: session(host, session_id).mode is Mode.TESTNET)
    assert len(executed(venue)) == 2


async def test_keys_that_the_venue_refuses_are_told_at_the_start(
    tmp_path: Path, venue: EmbeddedExchange
) -> None:
    hosts = Hosting(tmp_path, venue)
    async with hosts.host() as host:
        wrong = request(api_key="tnWRONG0123456789abcdef", api_secret="tnWRONGSECRET/9876543210")
        reply = await host.start(wrong)
        assert reply.mode is Mode.SIMULATED
        (notice,) = (notice for notice in reply.notices if "testnet" in notice)
        assert "asked for testnet, runs simulated: the keys for spot orders" in notice
        assert "do not work: -2015" in notice
        shown = session(host, reply.session_id).notices
        assert shown == as_it_began(reply.notices), "the keys may work by now"
        assert any("runs simulated; when it began: the keys" in notice for notice in shown)
        await venue.stop()
        unknown = await host.start(request(api_key=KEY, api_secret=SECRET))
        assert unknown.mode is Mode.TESTNET


async def test_the_orders_of_an_ended_session_stay_in_its_report_and_list(
    tmp_path: Path, venue: EmbeddedExchange
) -> None:
    put_keys(tmp_path, "binance_testnet")
    hosts = Hosting(tmp_path, venue)
    async with hosts.host() as host:
        session_id = (await host.start(request())).session_id
        await hosts.enter(host, session_id)
        report = await host.stop(session_id)
        assert logged(host, "still holds the session's position")
    folder = Workspace(tmp_path).session(session_id)
    assert (
        orjson.loads((folder / "report.json").read_bytes())["venue_orders"]
        == report["venue_orders"]
    )
    text = (folder / "report.md").read_text()
    assert "## On the testnet" in text
    assert "still held there" in text
    async with hosts.host() as host:
        assert session(host, session_id).orders.filled == 1
        (row,) = (await host.reader.detail(session_id)).orders
        assert row.filled


# ── Which keys ──


def brokers(root: Path, **options: Any) -> VenueAccounts:
    return VenueAccounts(Workspace(root).credentials, Redactor(), **options)


@pytest.mark.parametrize(
    ("sections", "spot", "perpetual"),
    [
        (("binance_testnet",), "binance_testnet", "binance_testnet"),
        (("binance_demo",), "binance_demo", "binance_demo"),
        (("binance_testnet", "binance_demo"), "binance_testnet", "binance_demo"),
    ],
)
def test_spot_goes_to_the_testnet_first_and_perpetuals_to_the_demo(
    tmp_path: Path, sections: tuple[str, ...], spot: str, perpetual: str
) -> None:
    put_keys(tmp_path, *sections)
    chosen = brokers(tmp_path).accounts([SPOT, PERPETUAL], FeedKind.LIVE, None)
    assert chosen == {"spot": spot, "perpetual": perpetual}


def test_no_keys_are_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NoAccountError, match="binance_demo or binance_testnet into"):
        brokers(tmp_path).accounts([PERPETUAL], FeedKind.LIVE, None)


def test_each_account_has_its_address(tmp_path: Path) -> None:
    put_keys(tmp_path, "binance_testnet", "binance_demo")
    found = brokers(tmp_path)
    bench = Bench(tmp_path / "bench")
    addresses = set()
    for section in ("binance_testnet", "binance_demo"):
        record = bench.record(RSI, accounts={"spot": section, "perpetual": section})
        addresses |= {found.desk(record, symbol).client.address for symbol in (SPOT, PERPETUAL)}
        assert found.desk(record, SPOT) is found.desk(record, "ETH/USDT")
    assert addresses == {
        "https://testnet.binance.vision",
        "https://testnet.binancefuture.com",
        "https://demo-api.binance.com",
        "https://demo-fapi.binance.com",
    }


def test_no_desk_is_made_for_other_hosts_however_the_address_came(tmp_path: Path) -> None:
    put_keys(tmp_path, "binance_testnet")
    found = brokers(tmp_path, addresses=at("https://api.binance.com", "https://fapi.binance.com"))
    record = Bench(tmp_path / "bench").record(RSI, accounts={"spot": "binance_testnet"})
    with pytest.raises(NoDeskError, match="orders never go to"):
        found.desk(record, SPOT)


def test_a_demo_needs_no_keys_and_orders_on_its_own_exchange(tmp_path: Path) -> None:
    running: list[str] = []
    found = brokers(tmp_path, embedded=lambda _: running[0] if running else None)
    accounts = found.accounts([SPOT], FeedKind.DEMO, ApiKey(Secret(KEY), Secret(SECRET)))
    record = Bench(tmp_path / "bench").record(RSI, accounts=accounts)
    with pytest.raises(NoDeskError, match="does not run"):
        found.desk(record, SPOT)
    running.append("http://127.0.0.1:5555")
    assert found.desk(record, SPOT).client.address == "http://127.0.0.1:5555"


async def test_a_session_from_before_there_were_orders_is_gone_on_with(
    tmp_path: Path, venue: EmbeddedExchange
) -> None:
    hosts = Hosting(tmp_path, venue)
    async with hosts.host() as host:
        session_id = (await host.start(request(broker=BrokerKind.SIMULATED))).session_id
        await hosts.enter(host, session_id)
    folder = Workspace(tmp_path).session(session_id)
    record = orjson.loads((folder / "session.json").read_bytes())
    del record["accounts"]
    (folder / "session.json").write_bytes(orjson.dumps(record))
    assert b"orders" not in (folder / "events.jsonl").read_bytes()
    async with hosts.host(known=251) as host:
        await until(lambda: len(hosts.feeds) == 2 and bool(hosts.feeds[1].subscribed))
        (position,) = session(host, session_id).open_positions
        assert position.entry_price == 100.0
        assert session(host, session_id).orders is None


def of_nautilus(symbol: str, **more: Any) -> StartRequest:
    config = {**SMALL, "symbols": [symbol]}
    return StartRequest(config, FeedKind.LIVE, broker=BrokerKind.NAUTILUS, **more)


async def test_a_session_orders_through_nautilus_and_its_death_is_told_marked_and_mended(
    tmp_path: Path, venue: EmbeddedExchange, scripted_nautilus: None
) -> None:
    put_keys(tmp_path, "binance_demo")
    hosts = Hosting(tmp_path, venue)
    async with hosts.host() as host:
        reply = await host.start(of_nautilus(PERPETUAL))
        assert reply.mode is Mode.TESTNET
        await hosts.enter(host, reply.session_id)
        assert session(host, reply.session_id).broker is BrokerKind.NAUTILUS
        await until(lambda: session(host, reply.session_id).orders.filled)
        (desk,) = host.accounts._desks.values()
        assert isinstance(desk.client, NautilusClient)
        assert desk.client.process._child is not None
        desk.client.process._child.kill()
        words = "no orders are sent to the testnet: Nautilus has ended (killed by signal 9)"
        await until(lambda: any(words in line.text for line in host.log.after(0)))
        back = "orders are sent to the testnet again"
        await until(lambda: any(back in line.text for line in host.log.after(0)))
        assert session(host, reply.session_id).mode is Mode.TESTNET
    assert len(executed(venue)) == 1


async def test_without_nautilus_or_a_key_that_suits_it_a_session_runs_simulated_and_says_why(
    tmp_path: Path, venue: EmbeddedExchange
) -> None:
    put_keys(tmp_path, "binance_testnet")
    hosts = Hosting(tmp_path, venue)
    async with hosts.host() as host:
        for symbol, words in (
            (SPOT, "Nautilus Trader orders on spot markets with an Ed25519 key alone"),
            (PERPETUAL, "has no Nautilus Trader"),
        ):
            reply = await host.start(of_nautilus(symbol))
            assert reply.mode is Mode.SIMULATED
            (notice,) = (one for one in reply.notices if words in one)
            assert notice.startswith("asked for nautilus, runs simulated: ")
        assert "run `make nautilus`" in notice
    assert executed(venue) == []


def test_keys_that_suit_nautilus_are_chosen_by_the_kind_of_market(tmp_path: Path) -> None:
    private, _ = ed25519_pair()
    workspace = Workspace(tmp_path)
    workspace.prepare()
    pem = tmp_path / "ed25519.pem"
    pem.write_text(private)
    pem.chmod(0o600)
    workspace.credentials.write_text(
        f"binance_testnet: {{api_key: {KEY}, api_secret: {pem}}}\n"
        f"binance_demo: {{api_key: {KEY}, api_secret: '{SECRET}'}}\n"
    )
    accounts = VenueAccounts(workspace.credentials, Redactor())
    both = [SPOT, PERPETUAL]
    chosen = accounts.accounts(both, FeedKind.LIVE, None, BrokerKind.NAUTILUS)
    assert chosen == {"spot": "binance_testnet", "perpetual": "binance_demo"}
    given = ApiKey(Secret(KEY), Secret(private))
    assert accounts.accounts([SPOT], FeedKind.LIVE, given, BrokerKind.NAUTILUS)
    with pytest.raises(NoAccountError, match="perpetuals with an HMAC key alone"):
        accounts.accounts(both, FeedKind.LIVE, given, BrokerKind.NAUTILUS)
