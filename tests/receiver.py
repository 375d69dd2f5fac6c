"""A receiver of notifications on this machine, which counts what reaches the user."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from core.store.workspace import Workspace


@dataclass
class Receiver:
    """Takes messages at `url`, after it has refused the first `refusals` of them."""

    url: str = ""
    texts: list[str] = field(default_factory=list)
    refusals: int = 0

    def listen_for(self, workspace: Workspace) -> None:
        """Have the notifications of a workspace sent here."""
        workspace.notifications.write_text(f"urls: ['{self.url}']\n")
        workspace.notifications.chmod(0o600)


@contextmanager
def receiving(refusals: int = 0) -> Iterator[Receiver]:
    """A receiver that listens until the block is left."""
    receiver = Receiver(refusals=refusals)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            refused = receiver.refusals > 0
            if refused:
                receiver.refusals -= 1
            else:
                receiver.texts.append(body["message"])
            self.send_response(503 if refused else 200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    receiver.url = f"json://127.0.0.1:{server.server_address[1]}/"
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
