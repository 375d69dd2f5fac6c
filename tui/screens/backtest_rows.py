"""Results of the library as rows and figures. What a result lacks is shown as unknown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, tzinfo

from rich.cells import cell_len

from core.gate import FOLDS
from core.market.candles.timeframes import DAY
from core.market.symbols import money_decimals
from core.report.library import ListedResult, Search, Terms
from core.report.metric_words import undefined_text
from core.report.written_report import last_close
from core.text import per_cent
from core.time_format import parse_time
from tui import formats
from tui.modals.vary import RANKS
from tui.requests.library import settled
from tui.widgets.columns import Column
from tui.widgets.figures import Figure
from tui.widgets.table_rows import Cell, Row
from tui.widgets.tones import Tone, tone_of

_NAME, _LONGEST_NAME = (10, 16), 52  # cells: as long as the longest is, at least and at most
_SEARCH = 26  # cells of the name of a sweep or gate, by which it is told from others
_KINDS = {"": "gate", "passes": "gate ✓", "fails": "gate ✗", "too little data": "gate ?"}
_MARKET = 8, 11, 14  # cells: without more, of `BTC/USDT +1`, at most
_ROOM_FOR_MARKETS = 90  # cells of a line, where names are longer than they have to be
_USUAL = Terms(sort="sharpe_ratio", folds=FOLDS)


def columns(results: Iterable[ListedResult] = (), zone: tzinfo = UTC) -> tuple[Column, ...]:
    """The columns of a list of these: what was varied of a strategy tells one from the other.

    The heading of the first days says whose they are where other times are of another `zone`.
    """
    results = list(results)
    longest = max((cell_len(name_of(one)) for one in results), default=0)
    searches = [cell_len(name_of(one)) for one in results if one.result.search is not None]
    shortest, short = _NAME
    name = max(shortest, min(longest, short), min(max(searches, default=0), _SEARCH))
    least, usual, most = _MARKET
    market = max((cell_len(_market(one)) for one in results), default=least)
    markets = max(least, min(market, usual))
    one_market = len({_market(one) for one in results}) == 1  # which no row has to say
    return (
        # What is cut of a name stands beneath the list. Other columns give way to it, and to when
        # they were made, beside sweeps and gates: those of one strategy are alike but for that.
        Column("STRATEGY", name, grow=max(1, min(longest, _LONGEST_NAME) - name), middle=True),
        Column("KIND", 6, optional=True),
        Column(
            *("SYMBOLS", markets),
            priority=7 if one_market else 6,
            grow=max(0, min(market, most) - markets),
            wide=_ROOM_FOR_MARKETS if longest > short else 0,
        ),
        Column("TF", 3, priority=8),
        Column("FROM" if zone is UTC else "FROM, UTC", 10, priority=9),
        Column("DAYS", 4, "right", priority=4),
        Column("RETURN", 9, "right"),
        Column("MAX DD", 6, "right", priority=2 if searches else 0),
        Column("SHARPE", 6, "right"),
        Column("PF", 5, "right", priority=5),
        Column("TRADES", 6, "right", priority=3),
        Column("MADE", 12, priority=1 if searches else 6),
        Column("TAGS", 6, priority=1, grow=8, optional=True),
    )


def backtest_row(listed: ListedResult, zone: tzinfo) -> Row:
    """A result as a row of the list."""
    result = listed.result
    metrics = result.metrics
    factor, made = metrics.profit_factor, moment(result.saved)
    start, days = moment(result.period.start), _days(listed)
    return Row(
        listed.key,
        (
            Cell(name_of(listed), Tone.STRONG),
            Cell(_kind(result.search), Tone.DIM),
            Cell(_market(listed)),
            Cell(result.timeframe, Tone.DIM, order=formats.length_of(result.timeframe)),
            Cell(formats.day(start), Tone.DIM, order=start),
            Cell(formats.number(days, 0), Tone.DIM, order=days),
            Cell(
                formats.change_percent(metrics.total_return_pct),
                tone_of(metrics.total_return_pct),
                order=metrics.total_return_pct,
            ),
            Cell(formats.drawdown(metrics.max_drawdown_pct), order=metrics.max_drawdown_pct),
            Cell(formats.number(metrics.sharpe_ratio), order=metrics.sharpe_ratio),
            Cell(factor_text(listed), order=float("inf") if factor is None else factor),
            Cell(formats.number(metrics.total_trades, 0), order=metrics.total_trades),
            Cell(formats.day_time(made, zone), Tone.DIM, order=made),
            Cell(tags(listed), Tone.INFO),
        ),
    )


def name_of(listed: ListedResult) -> str:
    """What a row calls it: of a sweep or gate what was set, over what it varied that, and how."""
    search = listed.result.search
    if search is None:
        return settled(listed)
    terms = search.terms
    words = [formats.grid_words(terms.axes)]
    words += [f"{search.tried:,} of {search.total:,}"] if search.tried < search.total else []
    words += [] if terms.sort == _USUAL.sort else [f"by {rank_word(terms.sort)}"]
    words += list(_chosen_on(search, _USUAL))
    told = ", ".join(filter(None, words))
    fixed = formats.setting_words(listed.result.fixed)
    name = " ".join(filter(None, (listed.result.strategy, fixed)))
    return f"{name}: {told}" if told else name


def _kind(search: Search | None) -> str:
    if search is None:
        return ""
    return search.kind if search.kind == "sweep" else _KINDS.get(search.verdict, search.kind)


def _market(listed: ListedResult) -> str:
    symbols = listed.result.symbols
    more = f" +{len(symbols) - 1}" if len(symbols) > 1 else ""
    return f"{symbols[0]}{more}" if symbols else formats.UNKNOWN


def figures(listed: ListedResult, *, dimmed: bool = False) -> tuple[Figure, ...]:
    """The headline of the result under the cursor.

    `dimmed`: whether the curves beneath have one of buying and holding. Its figure says which of
    them that is: the title has no room for it on a narrow terminal.
    """
    result = listed.result
    metrics = result.metrics
    total, benchmark = metrics.total_return_pct, metrics.benchmark_return_pct
    held, width = "BUY & HOLD" + ", DIMMED" * dimmed, len("BUY & HOLD, DIMMED")
    return (
        Figure("RETURN", formats.change_percent(total), tone_of(total), width=11),
        Figure(held, formats.change_percent(benchmark), tone_of(benchmark), width, priority=1),
        Figure("TRADES", formats.number(metrics.total_trades, 0), width=6),
        Figure("WIN RATE", formats.percent(metrics.win_rate_pct), width=8),
        Figure("PF", factor_text(listed), width=6),
        Figure("DRAWDOWN", formats.drawdown(metrics.max_drawdown_pct), width=8),
        Figure("SHARPE", formats.number(metrics.sharpe_ratio), width=6),
        Figure(
            "EQUITY",
            formats.money(result.ending_balance, money_decimals(*result.symbols)),
            width=12,
            priority=2,
        ),
    )


def factor_text(listed: ListedResult) -> str:
    """The profit factor, ∞ where nothing was lost."""
    metrics = listed.result.metrics
    if metrics.profit_factor is None:
        return undefined_text("profit_factor", {"best": metrics.best, "worst": metrics.worst})
    return formats.number(metrics.profit_factor)


def identity(listed: ListedResult, zone: tzinfo = UTC) -> str:
    """What it is, in one line, all of which a row has no room for: from settings to the note."""
    key = "saved in its document" if listed.beside_document else listed.key
    market = f"{formats.several(listed.result.symbols)} {listed.result.timeframe}".strip()
    words = (
        *(settled(listed), market, period(listed, zone), key),
        *(*_terms(listed), tags(listed), listed.notes.note),
    )
    return " · ".join(word for word in words if word)


def _terms(listed: ListedResult) -> tuple[str, ...]:
    """How a sweep or gate varied the strategy, which tells it from others with the same best."""
    search = listed.result.search
    if search is None:
        return ()
    terms = search.terms
    parts = [*formats.axis_words(terms.axes), f"by {rank_word(terms.sort)}"]
    return (*parts, *_chosen_on(search))


def rank_word(metric: str) -> str:
    """A metric that ranks, as the form calls it."""
    return next((word for word, one in RANKS.items() if one == metric), metric)


def _chosen_on(search: Search, usual: Terms | None = None) -> Iterator[str]:
    """On what the settings were chosen, and of a gate what was drawn, where that is not `usual`."""
    terms = search.terms
    if search.kind == "sweep":
        if terms.split is not None:
            yield f"ranked on {per_cent(terms.split)}"
        return
    if usual is None or (terms.folds, terms.anchored) != (usual.folds, usual.anchored):
        yield f"{terms.folds} folds{', anchored' if terms.anchored else ''}"
    if terms.seed:
        yield f"seed {terms.seed}"


def tags(listed: ListedResult) -> str:
    """The tags, each with its sign."""
    return " ".join(f"#{tag}" for tag in listed.notes.tags)


def period(listed: ListedResult, zone: tzinfo = UTC) -> str:
    """The first day and how many there are: `2025-01-01 180d`; days are UTC's in every zone."""
    start, days = moment(listed.result.period.start), _days(listed)
    if start is None or days is None:
        return formats.UNKNOWN
    return f"{formats.candle_day(start, zone)} {days}d"


def _days(listed: ListedResult) -> int | None:
    result = listed.result
    start, end = moment(result.period.start), last_close(result.period.end, result.timeframe)
    return None if start is None or end is None else max(1, round((end - start) / DAY))


def moment(time: str | None) -> int | None:
    """A time of a result, UTC ms; None where it is none."""
    try:
        return None if time is None else parse_time(time)
    except ValueError:
        return None


def matches(listed: ListedResult, text: str) -> bool:
    """Whether a text, in lower case, is in what the list says of a result."""
    result = listed.result
    words = (
        name_of(listed),
        settled(listed),
        *(f"{path}={value}" for path, value in result.settings.items()),
        listed.key,
        *result.symbols,
        result.timeframe,
        *(f"#{tag}" for tag in listed.notes.tags),
        listed.notes.note,
    )
    return not text or any(text in word.casefold() for word in words)


def owners_words(listed: ListedResult | None) -> list[tuple[str, Tone]]:
    """What its owner put down, a line each."""
    if listed is None:
        return []
    said = [(tags(listed), Tone.INFO), (listed.notes.note, Tone.PLAIN)]
    return [(text, tone) for text, tone in said if text]
