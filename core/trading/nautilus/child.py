"""Places orders through Nautilus Trader's Binance adapter; run as a process of its own.

It may run under another Python than Papertape's, and so stands alone: the standard library and
`nautilus_trader`, nothing else. One JSON object a line comes on standard input: first what it is
for, the keys included (they are in no argument, no environment and no message of it), then orders
and pings. Its answers go to standard output, one line for each question; what Nautilus logs goes to
standard error. It ends at once when its input does, or when the process that started it is gone.

Of Nautilus only the sending of market orders is used, and what it tells of them: no retries, no
reconciliation, no account of its own. What came of an order that it cannot tell of is found out by
whoever started it.
"""

from __future__ import annotations

import ctypes
import ipaddress
import json
import os
import signal
import sys
import threading
import time
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

PROTOCOL = 1
TEST_HOSTS = (
    "testnet.binance.vision",
    "demo-api.binance.com",
    "testnet.binancefuture.com",
    "demo-fapi.binance.com",
)
STREAM_HOSTS = (
    "ws-api.testnet.binance.vision",
    "demo-ws-api.binance.com",
    "stream.binancefuture.com",
    "demo-fstream.binance.com",
)
_LONGEST = 16_384  # characters of a line in either direction
_MOST_FILLS = 50  # told with an order; of one with more they are asked of the venue
_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG


class Line:
    """Standard output, kept for answers alone: whatever else is printed goes to standard error."""

    def __init__(self) -> None:
        self._out = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
        os.dup2(2, 1)
        self._lock = threading.Lock()

    def tell(self, event: str, **fields: Any) -> None:
        """Answer with one line."""
        with self._lock:
            self._out.write(json.dumps({"event": event, **fields}) + "\n")


def die_with_parent(parent: int) -> None:
    """Have the kernel end this process with the one that started it, also while it is stopped."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


def check_addresses(account: dict[str, Any]) -> None:
    """Raises `ValueError` for an address that no order and no key may go to."""
    for name, hosts, scheme in (
        ("http", TEST_HOSTS, "https"),
        ("ws", STREAM_HOSTS, "wss"),
        ("stream", STREAM_HOSTS, "wss"),
    ):
        url = urlsplit(account[name])
        test = url.hostname in hosts and url.scheme == scheme and url.port in (None, 443)
        here = _is_loopback(url.hostname or "") and url.scheme == scheme[:-1]
        if "@" in url.netloc or not (test or here):
            raise ValueError(f"{name}: orders and keys never go to {url.hostname!r}")


def _is_loopback(host: str) -> bool:
    """By its number: a name could stand for any machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def main() -> int:
    """Do what the first line asks for; the exit code."""
    line = Line()
    first = json.loads(sys.stdin.readline(_LONGEST))
    if first["protocol"] != PROTOCOL:
        line.tell("failed", why=f"protocol {first['protocol']}, this child speaks {PROTOCOL}")
        return 1
    die_with_parent(first["parent"])
    try:
        import nautilus_trader  # noqa: PLC0415  that it may be missing is what is found out here
    except ImportError as error:
        line.tell("missing", why=str(error), python=_python())
        return 1
    if first["do"] == "probe":
        line.tell("here", nautilus=nautilus_trader.__version__, python=_python())
        return 0
    check_addresses(first)
    trade(first, line)
    return 0


def _python() -> str:
    return ".".join(map(str, sys.version_info[:3]))


def trade(account: dict[str, Any], line: Line) -> None:
    """Place orders until standard input ends."""
    # What follows is imported only where Nautilus is known to be there.
    import nautilus_trader  # noqa: PLC0415
    from nautilus_trader.adapters.binance import (  # noqa: PLC0415
        BINANCE,
        BinanceAccountType,
        BinanceExecClientConfig,
        BinanceLiveExecClientFactory,
    )
    from nautilus_trader.adapters.binance.common.enums import BinanceEnvironment  # noqa: PLC0415
    from nautilus_trader.adapters.binance.execution import (  # noqa: PLC0415
        BinanceCommonExecutionClient,
    )
    from nautilus_trader.config import (  # noqa: PLC0415
        LiveExecEngineConfig,
        LiveRiskEngineConfig,
        LoggingConfig,
        StrategyConfig,
        TradingNodeConfig,
    )
    from nautilus_trader.live.node import TradingNode  # noqa: PLC0415
    from nautilus_trader.model.enums import OrderSide  # noqa: PLC0415
    from nautilus_trader.model.identifiers import (  # noqa: PLC0415
        ClientId,
        ClientOrderId,
        InstrumentId,
        TraderId,
    )
    from nautilus_trader.trading.strategy import Strategy  # noqa: PLC0415

    futures = account["kind"] == "futures"

    def note_error(self: Any, message: str, error: BaseException | None) -> None:
        self.papertape_error = error

    # Nautilus tells of a refusal by its words alone; what it means is told by the HTTP status too.
    BinanceCommonExecutionClient._log_retry_error = note_error

    class Desk(Strategy):  # type: ignore[misc]  # another Python's
        """Turns orders into Nautilus' and its events into answers."""

        client: Any = None
        unanswered: str | None = None  # the order that has no answer yet

        def on_start(self) -> None:
            """Everything is connected."""
            line.tell("ready", nautilus=nautilus_trader.__version__, python=_python())

        def answer(self, event: str, number: str, **fields: Any) -> None:
            """Tell what came of an order, once.

            The venue tells by its stream and by its reply to the request, in either order and now
            and then differently: a reply may be lost of an order that the stream tells is filled.
            What comes first is the answer; Papertape asks the venue after a failed request.
            """
            if number == self.unanswered:
                self.unanswered = None
                line.tell(event, id=number, **fields)

        async def place(self, asked: dict[str, Any]) -> None:
            """Send a market order; what comes of it is told by its events."""
            number = self.unanswered = asked["id"]
            try:
                suffix = "-PERP" if futures else ""
                instrument_id = InstrumentId.from_str(f"{asked['symbol']}{suffix}.BINANCE")
                instrument = self.cache.instrument(instrument_id)
                if instrument is None:
                    provider = self.client._instrument_provider
                    await provider.load_ids_async([instrument_id])
                    instrument = provider.find(instrument_id)
                    if instrument is None:
                        self.answer("denied", number, why=f"there is no {instrument_id}")
                        return
                    self.cache.add_instrument(instrument)
                order = self.order_factory.market(
                    instrument_id,
                    OrderSide[asked["side"]],
                    instrument.make_qty(Decimal(asked["quantity"])),
                    reduce_only=bool(asked["closes"]) and futures,
                    client_order_id=ClientOrderId(number),
                )
            except Exception as error:  # noqa: BLE001  whatever it is, nothing was sent
                self.answer("denied", number, why=f"{type(error).__name__}: {error}"[:400])
                return
            if time.monotonic() > asked["until"]:
                self.answer("denied", number, why="it came too late to be sent")
                return
            earlier = self.cache.order(order.client_order_id)
            if earlier is not None and not earlier.is_closed:
                line.tell("failed", why=f"{number} is on its way already")
                return
            if earlier is not None:
                # The venue has none of that name, or it would not be sent again.
                self.cache.purge_order(order.client_order_id)
            self.fills: list[Any] = []
            self.client.papertape_error = None
            self.submit_order(order)

        def on_order_denied(self, event: Any) -> None:
            """Nautilus did not send it."""
            self.answer("denied", str(event.client_order_id), why=str(event.reason)[:400])

        def on_order_rejected(self, event: Any) -> None:
            """The request failed; what that means is decided by the answer that came, if any."""
            error = self.client.papertape_error
            body = getattr(error, "message", None)
            if body is not None and not isinstance(body, str):
                body = json.dumps(body)
            waits = getattr(error, "headers", None) or {}
            self.answer(
                "rejected",
                str(event.client_order_id),
                status=getattr(error, "status", None),
                body=(body or str(event.reason))[:4_000],
                wait={k: str(v) for k, v in waits.items() if k.lower() == "retry-after"},
            )

        def on_order_filled(self, event: Any) -> None:
            """Keep an execution; with the last of them the order is done."""
            self.fills.append(event)
            self.tell_if_done(event)

        def on_order_canceled(self, event: Any) -> None:
            """The venue let go of it."""
            self.tell_if_done(event)

        def on_order_expired(self, event: Any) -> None:
            """The venue let go of it."""
            self.tell_if_done(event)

        def tell_if_done(self, event: Any) -> None:
            """Answer in the venue's own terms, once the venue is done with an order."""
            order = self.cache.order(event.client_order_id)
            if order is None or not order.is_closed:
                return
            fills = [one for one in self.fills if one.client_order_id == order.client_order_id]
            symbol = order.instrument_id.symbol.value.removesuffix("-PERP")
            row = {
                "symbol": symbol,
                "clientOrderId": str(order.client_order_id),
                "side": order.side.name,
                "status": order.status.name,
                "origQty": str(order.quantity.as_decimal()),
                "executedQty": str(order.filled_qty.as_decimal()),
                "orderId": str(order.venue_order_id),
                "updateTime": event.ts_event // 1_000_000,
                "fills": [
                    {
                        "qty": str(one.last_qty.as_decimal()),
                        "price": str(one.last_px.as_decimal()),
                        "commission": str(one.commission.as_decimal()),
                        "commissionAsset": one.commission.currency.code,
                    }
                    for one in (fills if len(fills) <= _MOST_FILLS else [])
                ],
            }
            self.answer("done", str(order.client_order_id), order=row)

    kind = BinanceAccountType.USDT_FUTURES if futures else BinanceAccountType.SPOT
    node = TradingNode(
        config=TradingNodeConfig(
            trader_id=TraderId("PAPERTAPE-001"),
            logging=LoggingConfig(log_level="WARNING", log_colors=False, print_config=False),
            # Nothing is asked about by itself, and nothing sent twice.
            exec_engine=LiveExecEngineConfig(reconciliation=False, inflight_check_interval_ms=0),
            risk_engine=LiveRiskEngineConfig(bypass=True),
            exec_clients={
                BINANCE: BinanceExecClientConfig(
                    api_key=account["api_key"],
                    api_secret=account["api_secret"],
                    account_type=kind,
                    # Without it Nautilus goes to the real exchange.
                    environment=BinanceEnvironment[account["environment"]],
                    base_url_http=account["http"],
                    base_url_ws=account["ws"],
                    base_url_ws_stream=account["stream"],
                    max_retries=None,
                )
            },
            timeout_connection=20.0,
            timeout_portfolio=20.0,
        )
    )
    desk = Desk(config=StrategyConfig(strategy_id="DESK-1"))
    node.trader.add_strategy(desk)
    node.add_exec_client_factory(BINANCE, BinanceLiveExecClientFactory)
    node.build()
    desk.client = node.kernel.exec_engine._clients[ClientId(BINANCE)]
    loop = node.get_event_loop()

    def listen() -> None:
        while text := sys.stdin.readline(_LONGEST):
            asked = json.loads(text)
            if asked["do"] == "order":
                loop.call_soon_threadsafe(lambda asked=asked: loop.create_task(desk.place(asked)))
            else:
                # From the loop: that it turns is what is asked.
                loop.call_soon_threadsafe(line.tell, "pong")
        os._exit(0)

    threading.Thread(target=listen, daemon=True).start()
    node.run()
    line.tell("failed", why="Nautilus has stopped by itself")
    os._exit(1)


if __name__ == "__main__":
    raise SystemExit(main())
