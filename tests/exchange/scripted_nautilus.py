"""Stands in for `nautilus/child.py` where Nautilus is not installed. It is no Nautilus.

It speaks the same protocol and sends orders itself, over plain HTTP. How it is to fail is told to
it as `behaviour`: a name for each order in turn, the last of them for all that follow.
"""

import hashlib
import hmac
import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

PATHS = {"spot": "/api/v3/order", "futures": "/fapi/v1/order"}


def say(event: str, **fields: object) -> None:
    print(json.dumps({"event": event, **fields}), flush=True)


def send(account: dict[str, str], asked: dict[str, str]) -> dict[str, object]:
    """Send the order to the venue; the answer to the parent."""
    query = urllib.parse.urlencode(
        {
            "symbol": asked["symbol"],
            "side": asked["side"],
            "type": "MARKET",
            "quantity": asked["quantity"],
            "newClientOrderId": asked["id"],
            "newOrderRespType": "RESULT" if account["kind"] == "futures" else "FULL",
            "timestamp": int(time.time() * 1000),
        }
    )
    secret = account["api_secret"].encode()
    signature = hmac.new(secret, query.encode(), hashlib.sha256).hexdigest()
    url = f"{account['http']}{PATHS[account['kind']]}?{query}&signature={signature}"
    request = urllib.request.Request(
        url, method="POST", headers={"X-MBX-APIKEY": account["api_key"]}
    )
    try:
        with urllib.request.urlopen(request) as answer:
            row = json.loads(answer.read())
    except urllib.error.HTTPError as error:
        body = error.read().decode()
        return {"event": "rejected", "status": error.code, "body": body, "wait": {}}
    row.setdefault("updateTime", row.get("transactTime"))
    return {"event": "done", "order": row}


def main() -> None:
    account = json.loads(sys.stdin.readline())
    behaviour = list(account.get("behaviour", [""]))
    print("a word on standard error", file=sys.stderr)
    start = behaviour[0] if behaviour[0].startswith("start:") else ""
    if start == "start:die":
        sys.exit("no licence to trade")
    if start == "start:missing":
        say("missing", why="No module named 'nautilus_trader'", python="3.11.7")
        return
    if start == "start:old":
        say("ready", nautilus="1.199.0", python="3.12.1")
    elif start == "start:nonsense":
        print("Traceback (most recent call last):", flush=True)
    else:
        say("ready", nautilus="1.231.0", python="3.12.1")
    for line in sys.stdin:
        asked = json.loads(line)
        if asked["do"] == "ping":
            if behaviour[0] != "deaf":
                say("pong")
            continue
        how = behaviour[0]
        if len(behaviour) > 1:
            del behaviour[0]
        if how == "die first":
            os._exit(3)
        if how == "hang first":
            time.sleep(3_600)
        answer = send(account, asked)
        if how == "die":
            os._exit(3)
        if how == "hang":
            time.sleep(3_600)
        if how == "not JSON":
            print("[[[", flush=True)
        elif how == "long":
            print("x" * 100_000, flush=True)
        elif how == "another order":
            say("done", id="pt-another0-1", order={})
        elif how == "no order":
            say("done", id=asked["id"], order={"status": "FILLED", "executedQty": "1e9"})
        elif how == "no answer of the venue":
            say("rejected", id=asked["id"], status=None, body="a broken line", wait={})
        else:
            print(json.dumps({**answer, "id": asked["id"]}), flush=True)


main()
