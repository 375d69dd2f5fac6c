"""No address but those of test venues and of this machine is one for orders."""

from __future__ import annotations

import pytest

from core.trading.venue_hosts import ForbiddenAddressError, OrderAddresses, check_order_address


@pytest.mark.parametrize(
    "address",
    [
        "https://testnet.binance.vision/api/v3/order",
        "https://TESTNET.Binance.Vision/api/v3/order",
        "https://testnet.binance.vision:443/api/v3/order",
        "https://demo-api.binance.com",
        "https://testnet.binancefuture.com/fapi/v1/order?symbol=BTCUSDT",
        "https://demo-fapi.binance.com/fapi/v1/order",
        "http://127.0.0.1:8080/api/v3/order",
        "http://127.9.9.9:1",
        "http://[::1]:8080/api/v3/order",
        "http://localhost:8080",
        "https://localhost",
    ],
)
def test_test_venues_and_this_machine_are_places_for_orders(address: str) -> None:
    check_order_address(address)


@pytest.mark.parametrize(
    "address",
    [
        "https://api.binance.com/api/v3/order",
        "https://api1.binance.com",
        "https://api-gcp.binance.com",
        "https://fapi.binance.com/fapi/v1/order",
        "https://dapi.binance.com",
        "https://papi.binance.com",
        "https://api.binance.us",
        "https://api.kraken.com",
        "https://testnet.binance.vision@api.binance.com/api/v3/order",
        "https://testnet.binance.vision:443@api.binance.com",
        "https://me@testnet.binance.vision",
        "https://:secret@testnet.binance.vision",
        "https://testnet.binance.vision\\@api.binance.com",
        "https://testnet.binance.vision.",
        "https://testnet.binance.vision.example.com",
        "https://example.com/testnet.binance.vision",
        "https://example.com?https://testnet.binance.vision",
        "https://example.com#testnet.binance.vision",
        "https://xtestnet.binance.vision",
        "https://www.testnet.binance.vision",
        "https://testnet.binance.vision%2eexample.com",
        "https://testnet.binance.visiоn",  # the o is Cyrillic
        "https://testnet.binance.vision:8443",
        "http://testnet.binance.vision",
        "http://demo-api.binance.com:80",
        "http://testnet.binance.vision:443",
        "wss://testnet.binance.vision",
        "ftp://127.0.0.1",
        "http://127.0.0.1.example.com",
        "http://2130706433",
        "http://127.1",
        "http://0.0.0.0:8080",
        "http://[::]:8080",
        "http://[::ffff:8.8.8.8]:8080",
        "http://192.168.1.2:8080",
        "http://localhost.example.com",
        "http://localhost.",
        "https://",
        "testnet.binance.vision",
        "//testnet.binance.vision",
        "",
        "https://[",
        "https://testnet.binance.vision:99999",
    ],
)
def test_everything_else_is_refused(address: str) -> None:
    with pytest.raises(ForbiddenAddressError, match="orders never go to"):
        check_order_address(address)


def test_configuration_may_move_orders_to_this_machine_and_nowhere_else() -> None:
    moved = OrderAddresses().with_addresses({"testnet_spot": "http://127.0.0.1:9000/"})
    assert moved.testnet_spot == "http://127.0.0.1:9000"
    assert moved.demo_spot == "https://demo-api.binance.com"
    with pytest.raises(ForbiddenAddressError, match="orders never go to"):
        OrderAddresses().with_addresses({"testnet_spot": "https://api.binance.com"})
    with pytest.raises(ForbiddenAddressError, match="mainnet"):
        OrderAddresses().with_addresses({"mainnet": "https://testnet.binance.vision"})


def test_what_comes_by_itself_is_allowed() -> None:
    usual = OrderAddresses()
    for address in (
        usual.testnet_spot,
        usual.testnet_futures,
        usual.demo_spot,
        usual.demo_futures,
    ):
        check_order_address(address)


def test_a_refusal_does_not_repeat_what_could_be_a_secret() -> None:
    with pytest.raises(ForbiddenAddressError) as refused:
        check_order_address("https://key:hunter22@api.binance.com/order?signature=abc")
    assert "hunter22" not in str(refused.value)
    assert "signature" not in str(refused.value)
