"""Does the embedded exchange run by itself, and end when told to?"""

from __future__ import annotations

import hmac
import json
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import pytest

from tests.unit.cli.conftest import Run
from tui.cli.exchange import symbol_and_file
from tui.cli.output import Refusal


def iter_until_closed(stream: IO[str]) -> Iterator[str]:
    """Lines up to the one that closes a JSON object, or the end of the stream."""
    for line in stream:
        yield line
        if line == "}\n":
            return


def test_it_serves_until_it_is_told_to_end() -> None:
    command = [sys.executable, "-P", "-m", "tui.cli", "exchange", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        text = "".join(iter_until_closed(process.stdout))
        address = json.loads(text)["rest"]
        with urllib.request.urlopen(f"{address}/api/v3/time", timeout=10) as reply:
            assert json.load(reply)["serverTime"] > 0
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_its_keys_and_balances_can_be_set(tmp_path: Path) -> None:
    key, secret = "exchangeKEY0001", "exchangeSECRET0001"
    keys = tmp_path / "exchanges.yaml"
    keys.write_text(f"binance_testnet: {{api_key: {key}, api_secret: {secret}}}\n", "utf-8")
    command = [sys.executable, "-P", "-m", "tui.cli", "exchange", "--json", "--keys", str(keys)]
    command += ["--balance", "USDT=1234.5", "--balance", "BTC=2", "--wallet", "USDT=77"]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process,
        ExitStack() as after,
    ):
        after.callback(process.kill)  # whatever fails, nothing is waited for
        assert process.stdout is not None
        addresses = json.loads("".join(iter_until_closed(process.stdout)))

        def signed(market: str, path: str) -> Any:
            address = addresses[market]
            clock = {"rest": "/api/v3/time", "futures_rest": "/fapi/v1/time"}[market]
            with urllib.request.urlopen(f"{address}{clock}", timeout=10) as reply:
                now = json.load(reply)["serverTime"]
            query = f"timestamp={now}&recvWindow=60000"
            signature = hmac.new(secret.encode(), query.encode(), "sha256").hexdigest()
            asked = urllib.request.Request(
                f"{address}{path}?{query}&signature={signature}",
                headers={"X-MBX-APIKEY": key},
            )
            return json.load(urllib.request.urlopen(asked, timeout=10))

        held = {row["asset"]: row["free"] for row in signed("rest", "/api/v3/account")["balances"]}
        assert {name: float(held[name]) for name in ("USDT", "BTC")} == {"USDT": 1234.5, "BTC": 2}
        assert float(signed("futures_rest", "/fapi/v3/account")["totalWalletBalance"]) == 77
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


@pytest.mark.parametrize(
    "text", ["USDT", "USDT=", "usdt=1", "USDT=-1", "USDT=1e9", "=1", "USDT=nan"]
)
@pytest.mark.parametrize("option", ["--balance", "--wallet"])
def test_an_amount_that_is_none_is_refused(run: Run, option: str, text: str) -> None:
    done = run("exchange", option, text)
    assert (done.code, done.out) == (2, "")
    assert f"{option} {text}: expected ASSET=AMOUNT" in done.err


def test_a_file_without_keys_is_refused(run: Run, tmp_path: Path) -> None:
    done = run("exchange", "--keys", tmp_path / "none.yaml")
    assert (done.code, done.out) == (2, "")
    assert "no keys there" in done.err


def test_a_port_in_use_is_one_message_and_code_2(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("exchange", "--port", port, "--json")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"papertape: port {port} on 127.0.0.1 cannot be used")


@pytest.mark.parametrize(
    ("text", "symbol", "name"),
    [
        ("BTCUSDT-5m.csv.gz", "BTC/USDT", "BTCUSDT-5m.csv.gz"),
        ("data/xrpusdt-perp-5m.csv", "XRP/USDT:USDT", "data/xrpusdt-perp-5m.csv"),
        ("ETH/USDT=candles.csv", "ETH/USDT", "candles.csv"),
        ("BTC/USDT:USDT=a=b.csv", "BTC/USDT:USDT", "a=b.csv"),
    ],
)
def test_the_market_is_named_in_front_or_by_the_file(text: str, symbol: str, name: str) -> None:
    assert symbol_and_file(text) == (symbol, Path(name))


@pytest.mark.parametrize("text", ["candles.csv", "my=candles.csv"])
def test_a_file_that_names_no_market_is_refused_with_a_way_out(text: str) -> None:
    with pytest.raises(Refusal, match=f"BTC/USDT={text}"):
        symbol_and_file(text)


@pytest.mark.parametrize(
    "arguments", [("--speed", "0"), ("--speed", "nan"), ("--port", "70000"), ("--data", "none.csv")]
)
def test_bad_input_is_one_message_and_code_2(run: Run, arguments: tuple[str, str]) -> None:
    done = run("exchange", *arguments)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
