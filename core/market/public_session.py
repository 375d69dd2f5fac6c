"""HTTP sessions for public data, within bounds that no server can move.

A venue, a proxy or a captive portal may answer with anything: a body without end, a few kilobytes
that unpack to gigabytes, a redirect to somewhere else. None of it may take the host's memory or
lead its requests to another host.
"""

from __future__ import annotations

import ssl
from functools import cache
from types import SimpleNamespace

import aiohttp

MAX_BODY = 64 << 20
"""The largest answer that is read, unpacked, in bytes: Binance's whole list of markets is 20 MB."""

_LINE = 8_190  # bytes of a header line; aiohttp's own bound


class RefusedAnswerError(aiohttp.ClientConnectionError):
    """An answer that is not taken; the message says why."""


class _BoundedResponse(aiohttp.ClientResponse):
    """A response that is given up when its body is larger than `MAX_BODY`.

    It keeps the body where aiohttp does (`_body`), which has no other place for a bound.
    """

    async def read(self) -> bytes:
        """The body.

        Raises:
            RefusedAnswerError: it is too large.
            aiohttp.ClientError: it is broken.
        """
        if self._body is None:
            parts, size = [], 0
            async for part in self.content.iter_any():
                size += len(part)
                if size > MAX_BODY:
                    self.close()
                    raise RefusedAnswerError(
                        f"the answer is larger than {MAX_BODY >> 20} MiB, and was given up"
                    )
                parts.append(part)
            self._body = b"".join(parts)
        return self._body


async def _refuse_redirect(
    _: aiohttp.ClientSession, __: SimpleNamespace, asked: aiohttp.TraceRequestRedirectParams
) -> None:
    where = asked.response.headers.get("Location", "")[:100]
    raise RefusedAnswerError(
        f"{asked.url.host} answers with a redirect to {where!r}, which is not followed: is there a "
        "login page between here and the network?"
    )


@cache
def verified(certificates: str | None = None) -> ssl.SSLContext:
    """How connections verify whom they reach: by the certificates of a file (None: the system's).

    One for all of them: to read the certificates takes some 20 ms.
    """
    return ssl.create_default_context(cafile=certificates)


def public_session(
    *, proxies: bool, certificates: str | None = None, timeout: float | None = None
) -> aiohttp.ClientSession:
    """A session that follows no redirect and reads no more than `MAX_BODY` of an answer.

    `proxies`: whether those of the environment are used; `certificates`: the file of those trusted
    (None: the system's); `timeout` in seconds of a whole request. To be made on a running event
    loop.
    """
    trace = aiohttp.TraceConfig()
    trace.on_request_redirect.append(_refuse_redirect)
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=verified(certificates)),
        timeout=aiohttp.ClientTimeout(total=timeout or 60.0),
        response_class=_BoundedResponse,
        trace_configs=[trace],
        trust_env=proxies,
        max_line_size=_LINE,
        max_field_size=_LINE,
    )
