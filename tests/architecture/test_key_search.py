"""The search for keys that ends every test run finds them where they should not be."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
QUIET = """
import base64, logging
from urllib.parse import quote

KEY = "usersKEY/0123456789"

def test_keeps_it(tmp_path):
    (tmp_path / "exchanges.yaml").write_text(f"binance_demo: {{api_key: {KEY}, api_secret: x}}")
    (tmp_path / "host.log").write_text("all is well")
"""
LEAKING = """
def test_writes(tmp_path):
    (tmp_path / "host.log").write_text(f"signed with {KEY}")

def test_quotes(tmp_path):
    (tmp_path / "journal").write_text(quote(KEY, safe=""))

def test_encodes(tmp_path):
    (tmp_path / "report.bin").write_bytes(base64.b64encode(KEY.encode()))

def test_puts_it_into_a_header(tmp_path):
    (tmp_path / "header").write_bytes(base64.b64encode(b"u:" + KEY.encode() + b":p"))

def test_dumps_it_in_hex(tmp_path):
    (tmp_path / "hex").write_text(KEY.encode().hex())

def test_escapes_it(tmp_path):
    (tmp_path / "json").write_text(KEY.replace("/", "\\\\/"))

def test_prints():
    print(KEY)

def test_logs():
    logging.getLogger().error("refused: %s", KEY)
"""


def run_tests(folder: Path, text: str, workers: int) -> subprocess.CompletedProcess[str]:
    """Run a file of tests by themselves, with the search."""
    (folder / "test_keys.py").write_text(text)
    (folder / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.key_search", "-n", str(workers)]
    command += ["-p", "no:cacheprovider", "--rootdir", str(folder), str(folder)]
    command += ["-p", "xdist"]  # and no other plugin: all of them take a second of each process
    # Their temporary folders lie elsewhere, for what this run leaves is searched as well.
    with tempfile.TemporaryDirectory() as elsewhere:
        environment = os.environ | {
            "PYTEST_DEBUG_TEMPROOT": elsewhere,
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        }
        return subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )


def test_a_key_in_exchanges_yaml_alone_is_where_it_should_be(tmp_path: Path) -> None:
    done = run_tests(tmp_path, QUIET, workers=0)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 keys searched for" in done.stdout
    assert ": 0 found" in done.stdout


def test_a_key_anywhere_else_fails_a_run_whose_tests_all_pass(tmp_path: Path) -> None:
    done = run_tests(tmp_path, QUIET + LEAKING, workers=2)
    assert "9 passed" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 1
    found = [line for line in done.stdout.splitlines() if line.startswith("A KEY WAS FOUND: ")]
    ends = (
        "test_writes0/host.log",
        "journal",
        "report.bin",
        "header",
        "hex",
        "json",
        "::test_prints",
        "::test_logs",
    )
    for end in ends:
        assert any(line.endswith(end) for line in found), end
    assert len(found) == len(ends)
