"""Does doctor say what is in order, what is not, and never a key?"""

from __future__ import annotations

from pathlib import Path

from tests.unit.cli.conftest import Run, write_addresses

KEY = "doctorkey0123456789"


def test_all_is_well_where_everything_answers(run: Run, workspace: Path, exchange: str) -> None:
    write_addresses(workspace, exchange)
    keys = workspace / "exchanges.yaml"
    keys.write_text(f"binance_testnet: {{api_key: {KEY}, api_secret: {KEY}}}\n", encoding="utf-8")
    done = run("doctor", "--json")
    found = [(finding["check"], finding["fine"]) for finding in done.json["findings"]]
    assert done.code == 0
    assert found.count(("stream", True)) == 3
    assert ("REST, clock", True) in found
    assert ("keys", True) in found
    assert KEY not in done.out + done.err
    assert keys.stat().st_mode & 0o777 == 0o600


def test_what_does_not_answer_is_wrong_and_code_1(run: Run, workspace: Path) -> None:
    write_addresses(workspace, "http://127.0.0.1:9")
    done = run("doctor")
    assert done.code == 1
    assert done.out.count("WRONG") == 4
    assert "ws://127.0.0.1:9/public/stream" in done.out


def test_a_config_that_is_not_understood_is_named(run: Run, workspace: Path) -> None:
    workspace.mkdir(mode=0o755)
    workspace.chmod(0o755)
    (workspace / "config.yaml").write_text("addreses: {}\n", encoding="utf-8")
    done = run("doctor")
    assert done.code == 1
    assert "addreses is not known; known are addresses" in done.out
    assert "has mode 755" in done.out
