"""Does doctor say what is in order, what is not, and never a key?"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from core.exchange.server import DEMO_KEYS
from core.store.workspace import Workspace
from tests.unit.cli.conftest import Run, Served, write_addresses
from tui.cli import doctor

KEY = "doctorkey0123456789"


def test_all_is_well_where_everything_answers(run: Run, workspace: Path, exchange: Served) -> None:
    write_addresses(workspace, exchange)
    ((key, secret),) = DEMO_KEYS.items()
    keys = workspace / "exchanges.yaml"
    keys.write_text(f"binance_testnet: {{api_key: {key}, api_secret: {secret}}}\n", "utf-8")
    done = run("doctor", "--json")
    found = [(finding["check"], finding["fine"]) for finding in done.json["findings"]]
    assert done.code == 0
    streams = {
        ("spot stream", True),
        ("futures public stream", True),
        ("futures market stream", True),
    }
    assert streams | {("spot REST", True), ("futures REST", True)} <= set(found)
    assert ("keys", True) in found
    assert key not in done.out + done.err
    assert secret not in done.out + done.err
    assert keys.stat().st_mode & 0o777 == 0o600


def test_a_key_that_no_venue_takes_is_wrong_and_never_shown(
    run: Run, workspace: Path, exchange: Served
) -> None:
    write_addresses(workspace, exchange)
    (workspace / "exchanges.yaml").write_text(
        f"binance_demo: {{api_key: {KEY}, api_secret: {KEY}}}\n", "utf-8"
    )
    done = run("doctor")
    assert done.code == 1
    (line,) = (line for line in done.out.splitlines() if "binance_demo" in line)
    assert line.startswith("WRONG")
    assert line.count("-2015 Invalid API-key") == 2
    assert KEY not in done.out + done.err


def test_keys_are_never_taken_to_a_host_that_orders_may_not_reach(
    run: Run, workspace: Path, exchange: Served
) -> None:
    write_addresses(workspace, exchange)
    config = workspace / "config.yaml"
    text = config.read_text("utf-8").replace(
        f"testnet_spot: {exchange.spot}", "testnet_spot: https://api.binance.com"
    )
    config.write_text(text, "utf-8")
    done = run("doctor")
    assert done.code == 1
    assert "orders never go to 'https://api.binance.com'" in done.out


def test_what_does_not_answer_is_wrong_and_code_1(run: Run, workspace: Path) -> None:
    write_addresses(workspace, Served(*["http://127.0.0.1:9"] * 2))
    done = run("doctor")
    assert done.code == 1
    assert done.out.count("WRONG") == 5
    assert "ws://127.0.0.1:9/public/stream" in done.out
    assert "Connect call failed" in done.out
    assert "Errno" not in done.out


def test_a_mistyped_workspace_is_refused_and_none_is_made(run: Run, workspace: Path) -> None:
    """Doctor made it and said that it was well."""
    typo = workspace.parent / "typo"
    done = run("doctor", "--workspace", str(typo))
    assert done.code == 3
    assert done.err == f"papertape: there is no workspace {typo}: papertape init makes one\n"
    assert not typo.exists()


def test_the_usual_workspace_is_not_made_by_looking_at_it(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "usual")
    (found,) = doctor._workspace(workspace)
    assert found.fine is None
    assert "papertape init makes it" in found.text
    assert not workspace.root.exists()


def test_a_config_that_is_not_understood_is_named(run: Run, workspace: Path) -> None:
    workspace.mkdir(mode=0o755)
    workspace.chmod(0o755)
    (workspace / "config.yaml").write_text("addreses: {}\n", encoding="utf-8")
    done = run("doctor")
    assert done.code == 1
    assert "addreses is not known: did you mean addresses?" in done.out
    assert "has mode 755" in done.out


def test_every_preference_of_the_screen_that_cannot_be_used_is_named(
    run: Run, workspace: Path
) -> None:
    workspace.mkdir(mode=0o700)
    wrong = "panes: hello\ntime_zone: Mars/Olympus\nalerts: loud\nkeymap: {session.stp: X}\n"
    wrong += "theme: nosuch\n"
    (workspace / "config.yaml").write_text(wrong, encoding="utf-8")
    findings = run("doctor", "--json").json["findings"]
    told = [one["text"] for one in findings if one["check"] == "config" and one["fine"] is False]
    assert len(told) == 5
    for word in ("panes", "nosuch", "Mars/Olympus", "alerts", "did you mean session.stop"):
        assert any(word in text for text in told)


def test_the_python_that_is_named_for_nautilus_is_tried(
    run: Run, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_addresses(workspace, Served(*["http://127.0.0.1:9"] * 2))
    found = {one["check"]: one for one in run("doctor", "--json").json["findings"]}
    assert found["nautilus"]["fine"] is None
    monkeypatch.setenv("PAPERTAPE_NAUTILUS_PYTHON", sys.executable + "-that-is-not-there")
    found = {one["check"]: one for one in run("doctor", "--json").json["findings"]}
    assert found["nautilus"]["fine"] is False
    assert "run `make nautilus`" in found["nautilus"]["text"]
