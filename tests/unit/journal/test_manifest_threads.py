"""Sessions that end at one moment have their records read by threads at one moment."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from core.journal.manifest import write_manifest
from core.store.durable import OsDisk
from tests.unit.session.sessions import RSI, Bench

READ_AT_ONCE = """
import sys, threading
from pathlib import Path
from core.journal.manifest import read_manifest

sys.setswitchinterval(1e-6)
start = threading.Barrier(6)

def read():
    start.wait()
    print(read_manifest(Path(sys.argv[1])).id)

threads = [threading.Thread(target=read) for _ in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def test_a_record_is_read_by_many_threads_before_any_other_was_read(tmp_path: Path) -> None:
    folder = tmp_path / "abcd1234"
    write_manifest(folder, Bench(tmp_path / "bench").record(RSI), OsDisk())
    done = subprocess.run(
        [sys.executable, "-c", READ_AT_ONCE, str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("abcd1234") == 6  # the ends of lines may come in any order
