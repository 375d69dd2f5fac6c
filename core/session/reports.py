"""Makes the report of a session, for `report --json` and for report.json and its kin."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from os import SEEK_END
from pathlib import Path
from typing import Any

import msgspec
import orjson

from core.journal.manifest import REPORT, SessionManifest
from core.journal.records import GapSeen, Returned
from core.journal.venue_orders import VenueOrders
from core.market.candles.timeframes import Timeframe
from core.report.html import report_page
from core.report.markdown import report_markdown
from core.report.result import result_to_json
from core.report.spreadsheet import equity_csv, trades_csv
from core.session.runner import Runner
from core.store.collector import without_collections
from core.store.durable import Disk, open_regular, write_durably
from core.text import counted
from core.time_format import iso_time
from core.typed import prepare

JSON = REPORT
MARKDOWN = "report.md"
PAGE = "report.html"
TRADES = "trades.csv"
EQUITY = "equity.csv"
_TAIL = 64  # bytes


class _Period(msgspec.Struct):
    start: str | None
    end: str | None
    candles: int


class _Outline(msgspec.Struct):
    """What every reader of a written report relies on."""

    session_id: str
    strategy: str
    symbols: tuple[str, ...]
    timeframe: Timeframe
    period: _Period
    starting_balance: float
    metrics: dict[str, msgspec.Raw]
    trades: tuple[msgspec.Raw, ...]
    open_trades: tuple[msgspec.Raw, ...]
    warnings: tuple[str, ...]


def without_equity(report: Mapping[str, Any]) -> dict[str, Any]:
    """A report without its curves, its own and those of the backtests it is compared with."""
    slim = {name: value for name, value in report.items() if name != "equity"}
    if comparison := slim.get("comparison"):
        replays = [without_equity(replay) for replay in comparison["replays"]]
        slim["comparison"] = {**comparison, "replays": replays}
    return slim


def nothing_run(record: SessionManifest) -> Runner:
    """The run of a session that ended before it had begun."""
    return Runner(record.strategy(), {}, record.fills, None)


def session_report_later(
    record: SessionManifest,
    runner: Runner,
    *,
    gaps: Sequence[GapSeen],
    returns: Sequence[Returned],
    revised: int,
    state: str,
    reason: str | None,
    since: int | None,
    ended: int | None,
    orders: VenueOrders,
) -> Callable[[], dict[str, Any]]:
    """What makes a session's report of this moment: a backtest's shape, and what only it has.

    Making it takes seconds for a year of minutes, and may be done in another thread: everything
    that may change meanwhile has been copied.

    `since` (UTC ms on the feed's clock, as `ended`) is when it began to run, None where it never
    did; `ended` is None while the session lives; `orders` are those for a venue.
    """
    warnings = list(record.notices)
    if revised:
        were = counted(revised, "candle was", "candles were")
        warnings.append(f"{were} revised by the venue after they had been acted on")
    step = runner.config.timeframe.ms
    result = runner.result_later(warnings)
    of_session = {
        "session_id": record.id,
        "mode": record.mode.value,
        "state": state,
        "reason": reason,
        "feed": record.feed.value,
        "broker": record.broker.value,
        "fills": record.fills.value,
        "config_hash": record.digest,
        "created": iso_time(record.created),
        "started": iso_time(record.created if since is None else since),
        "ended": None if ended is None else iso_time(ended),
        "gaps": [
            {
                "symbol": gap.symbol,
                "first": iso_time(gap.first),
                "last": iso_time(gap.last),
                "candles": (gap.last - gap.first) // step + 1,
                "why": gap.why,
            }
            for gap in gaps
        ],
        "restarts": [
            {
                "at": iso_time(one.at),
                "after": None if one.after is None else iso_time(one.after),
            }
            for one in returns
        ],
        "venue_orders": orders.to_json(),
        "comparison": None,
        "recommendation": None,
    }
    return lambda: {**result_to_json(result(), equity=True, whole=False), **of_session}


def session_report(record: SessionManifest, runner: Runner, **facts: Any) -> dict[str, Any]:
    """A session's report, made at once; see `session_report_later`."""
    return session_report_later(record, runner, **facts)()


def write_report(
    folder: Path,
    report: dict[str, Any],
    disk: Disk,
    curve: Iterable[tuple[int, float]] | None = None,
) -> None:
    """Put a report beside its session's journal. Blocks.

    The JSON comes last: where it is, the report is whole (`has_report`). `curve` is the whole
    equity for its CSV, where the report's own is thinned.

    Raises:
        OSError: the workspace cannot be written.
    """
    for name, written in (
        (MARKDOWN, report_markdown),
        (PAGE, report_page),
        (TRADES, trades_csv),
        (EQUITY, partial(equity_csv, curve=curve)),
    ):
        write_durably(folder / name, written(report).encode(), disk)
    write_durably(folder / JSON, b"".join(_json_lines(report)), disk)


def _json_lines(report: Mapping[str, Any]) -> Iterator[bytes]:
    """A report as JSON, an entry of a list on a line of its own.

    Written at once, a long one holds every other thread up for as long as that takes.
    """
    yield b"{"
    for place, (name, value) in enumerate(report.items()):
        yield b"%s\n  %s: " % (b"," if place else b"", orjson.dumps(name))
        if isinstance(value, dict) and any(isinstance(one, list | dict) for one in value.values()):
            yield from _json_lines(value)
        elif isinstance(value, list) and value:
            for number, one in enumerate(value):
                yield b",\n    " if number else b"[\n    "
                if isinstance(one, dict) and isinstance(one.get("equity"), list):
                    yield from _json_lines(one)  # a whole run
                else:
                    yield orjson.dumps(one)
            yield b"\n  ]"
        else:
            yield orjson.dumps(value)
    yield b"\n}\n"


def has_report(folder: Path) -> bool:
    """Whether a session's final report has been written, and is whole as far as its end tells."""
    try:
        with open_regular(folder / JSON) as file:
            file.seek(-min(_TAIL, file.seek(0, SEEK_END)), SEEK_END)
            return file.read().rstrip().endswith(b"}")
    except (OSError, ValueError):
        return False


def read_report(folder: Path, *, compared: bool = True) -> dict[str, Any] | None:
    """The final report of a session, or None where there is none (or none that can be read).

    Without `compared`, what it was compared with when it was written is left unread (its
    `comparison` is then None): it is the greater part of a long report.
    """
    try:
        with open_regular(folder / JSON) as file:
            written = file.read()
        with without_collections():
            if not compared:
                parts = msgspec.json.decode(written, type=dict[str, msgspec.Raw])
                parts["comparison"] = msgspec.Raw(b"null")
                written = msgspec.json.encode(parts)
            msgspec.json.decode(written, type=_Outline)
            report: dict[str, Any] = orjson.loads(written)
            return report
    except (OSError, ValueError):
        return None


prepare(_Outline)
