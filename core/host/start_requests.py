"""Turns a request to start a session into its manifest, or refuses it with the reason."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from core.compare.before_start import horizon_length, horizon_warning, start_warnings
from core.compare.sources import document_of
from core.host.link import BadRequestError
from core.host.venue_accounts import NoAccountError
from core.journal.manifest import SessionManifest
from core.journal.values import BrokerKind, FeedKind, Mode
from core.market.candles.durations import LONGEST_DURATION, in_words
from core.market.candles.timeframes import DAY
from core.market.files.symbol_files import other_markets
from core.market.history.exchange_names import exchange_problem
from core.market.symbols import is_perpetual, quote_currency
from core.market.venues.registry import DEFAULT_VENUE, VENUES
from core.report.stored_backtest import stored_backtest
from core.session.snapshot import SessionSnapshot, StartRequest, TrialTerms
from core.session.start_notices import KEYS_UNUSED, KEYS_USED, NO_TRIAL, SIMULATED
from core.store.credentials import ApiKey, CredentialsError, checked_key
from core.store.redaction import Redactor
from core.store.workspace import Workspace, expanded
from core.strategy.config.canonical import config_to_dict
from core.strategy.config.conditions import Direction
from core.strategy.config.config import StrategyConfig
from core.strategy.config.parsing import parse_config
from core.strategy.config.problems import ConfigError
from core.strategy.document.document import read_strategy
from core.strategy.signals.sources import chosen_warmup, signal_source
from core.time_format import LATEST
from core.trading.values import Fills
from core.trial.boundaries import MOST_TRADES
from core.trial.ledger import tries_of
from core.trial.seal import Horizon, Seal
from core.trial.sealing import NoPromiseError, doubts, seal_trial

_LONGEST_TRIAL = 3_650  # days

AccountsOf = Callable[[Sequence[str]], dict[str, str]]
"""The keys to order some symbols with (`SessionManifest.accounts`); raises `NoAccountError`."""


def record_of(
    request: StartRequest,
    session_id: str,
    now: int,
    source: str,
    accounts_of: AccountsOf,
    restart_of: str | None = None,
) -> SessionManifest:
    """The record of the session that `request` asks for. `source` names its candle journals.

    Without keys for it, a session that is to order on a test venue runs simulated and says so.

    Raises:
        BadRequestError: the config has problems (all listed), or the request contradicts itself.
    """
    raw = dict(request.config)
    if request.starting_balance is not None:
        raw["starting_balance"] = request.starting_balance
    try:
        parsed = parse_config(raw)
    except ConfigError as error:
        raise BadRequestError(str(error)) from error
    config = parsed.config
    replays = request.feed is FeedKind.REPLAY
    data = None
    if replays:
        data = _files(request, config.symbols)
    elif request.data or request.columns:
        raise BadRequestError("candle files go with the replay feed only: leave out --data")
    if request.speed is not None and not (replays and request.speed > 0):
        raise BadRequestError("a speed above 0 goes with the replay feed only")
    if request.run_for is not None and not 0 < request.run_for <= LONGEST_DURATION:
        raise BadRequestError("the time to run for must be above 0, and at most 100 years")
    if request.until is not None and not replays and request.until <= now:
        raise BadRequestError("the time to run until is past")
    if request.until is not None and not 0 <= request.until <= LATEST:
        raise BadRequestError("the time to run until must be within the years 1970 to 9999")
    if request.fallback and request.feed is not FeedKind.LIVE:
        raise BadRequestError("a fallback goes with the live feed only")
    exchange = _exchange(request)
    market_fills = request.feed in (FeedKind.LIVE, FeedKind.DEMO)
    notices = [*parsed.warnings, *other_markets(data or {})]
    warmup = _warmup(request, config, notices)
    accounts: dict[str, str] = {}
    if request.broker in (BrokerKind.TESTNET, BrokerKind.NAUTILUS):
        _require_orderable(request, config)
        try:
            accounts = accounts_of(config.symbols)
        except NoAccountError as error:
            notices.append(SIMULATED.format(request.broker, error))
    elif request.broker is None and request.feed is FeedKind.LIVE:
        with contextlib.suppress(NoAccountError):  # nobody asked for the testnet
            accounts = accounts_of(config.symbols)
        try:
            _require_orderable(request, config)
        except BadRequestError as error:
            if accounts:
                notices.append(KEYS_UNUSED.format(error))
            accounts = {}
        if accounts:
            notices.append(KEYS_USED)
    asked = request.broker or (BrokerKind.TESTNET if accounts else BrokerKind.SIMULATED)
    return SessionManifest(
        id=session_id,
        created=now,
        config=config_to_dict(config),
        digest=signal_source(config).digest,
        feed=request.feed,
        source=_source(request, session_id, source),
        broker=asked if accounts else BrokerKind.SIMULATED,
        broker_asked=asked,
        mode=_mode(request.feed, orders=bool(accounts)),
        fills=request.fills or (Fills.MARKET if market_fills else Fills.CANDLE),
        accounts=accounts,
        exchange=exchange,
        fallback=request.fallback,
        data=data,
        columns=request.columns,
        speed=request.speed,
        run_for=request.run_for,
        until=request.until,
        warmup=warmup,
        restart_of=restart_of,
        notices=tuple(notices),
    )


def simulated(record: SessionManifest, why: str) -> SessionManifest:
    """A session that asked for a test venue and runs simulated, which it says."""
    return msgspec.structs.replace(
        record,
        accounts={},
        broker=BrokerKind.SIMULATED,
        mode=_mode(record.feed, orders=False),
        notices=(*record.notices, SIMULATED.format(record.broker_asked, why)),
    )


def started_in_words(record: SessionManifest) -> str:
    """What was started, for its user."""
    where = {
        Mode.TESTNET: "Binance Testnet",
        Mode.SIMULATED: f"{(record.exchange or DEFAULT_VENUE).capitalize()} (simulated)",
        Mode.DEMO: "the embedded exchange (demo)",
        Mode.REPLAY: "candle files (replay)",
    }[record.mode]
    symbols = ", ".join(record.config["symbols"])
    told = f"Paper trading started! Session ID: {record.id}. Monitoring {symbols} on {where}."
    if record.seal is None:
        return told
    trades, days = record.seal.horizon.trades, record.seal.horizon.days
    over = "its first trade" if trades == 1 else f"its first {trades:,} trades"
    if days is not None:
        over = in_words(round(days * DAY))
    return f"{told} It is sealed as a trial, judged over {over}."


def given_key(request: StartRequest, redactor: Redactor) -> ApiKey | None:
    """The key that came with a request, which is hidden from now on.

    Raises:
        BadRequestError: half of it is missing, or it is none.
    """
    key, secret = request.api_key, request.api_secret
    if not key and not secret:
        return None
    if not key or not secret:
        raise BadRequestError("a key of the testnet takes both: api_key and api_secret")
    try:
        given = checked_key(key, secret)
    except CredentialsError as error:
        raise BadRequestError(str(error)) from None
    for text in (key, secret):
        redactor.add(text)
    return given


def with_warnings(
    record: SessionManifest, given: Mapping[str, object], workspace: Workspace
) -> SessionManifest:
    """The same session, with what its owner should know of its backtest and its length. Blocks.

    `given` is the config as its owner wrote it.
    """
    replays = record.feed is FeedKind.REPLAY  # which are over when their file is
    run_for = None if replays else _runs_for(record)
    warnings = start_warnings(workspace, record.strategy(), given, run_for)
    return msgspec.structs.replace(record, notices=(*record.notices, *warnings))


def _runs_for(record: SessionManifest) -> int | None:
    """How long a session is to run, ms; None without an end.

    A replay's last moment is one of the past, from which nothing follows.
    """
    if record.feed is FeedKind.REPLAY:
        return record.run_for
    end = record.planned_end(record.created)
    return None if end is None else end - record.created


def sealed(
    record: SessionManifest, terms: TrialTerms, workspace: Workspace, now: int
) -> SessionManifest:
    """The same session as a trial. Blocks.

    It runs for the days of its horizon, unless it is to run for another time. What is restarted
    goes on without a seal where its promise is gone, and says so.

    Args:
        record: of the session, which has not begun.
        terms: how long the trial is to run.
        workspace: where its backtest is looked for, and the tries are counted.
        now: UTC ms.

    Raises:
        BadRequestError: no saved backtest promises anything that could be put to the test.
    """
    try:
        seal = seal_of(record.strategy(), terms, workspace, now)
    except NoPromiseError as error:
        if record.restart_of is None:
            raise BadRequestError(f"not sealed: {error}") from error
        notice = NO_TRIAL.format(error)
        return msgspec.structs.replace(record, notices=(*record.notices, notice))
    days, run_for = seal.horizon.days, record.run_for
    if run_for is None and record.until is None and days is not None:
        run_for = round(days * DAY)
    record = msgspec.structs.replace(record, seal=seal, run_for=run_for)
    lasts = _runs_for(record)
    notices = (*record.notices, *doubts(seal, lasts))
    # Of what ends with its horizon, or before, `with_warnings` says whether it is long enough.
    judged_sooner = lasts is None or horizon_length(seal) < lasts
    if record.feed is not FeedKind.REPLAY and judged_sooner:
        short = horizon_warning(record.strategy().timeframe, seal)
        notices = notices if short is None else (*notices, short)
    return msgspec.structs.replace(record, notices=notices)


def seal_of(config: StrategyConfig, terms: TrialTerms, workspace: Workspace, now: int) -> Seal:
    """The seal of a trial of `config` that would start at `now` (UTC ms). Blocks.

    Raises:
        BadRequestError: the horizon makes no sense.
        NoPromiseError: no saved backtest promises anything that could be put to the test.
    """
    if (terms.days is not None and not 0 < terms.days <= _LONGEST_TRIAL) or (
        terms.trades is not None and not 0 < terms.trades <= MOST_TRADES
    ):
        raise BadRequestError(
            f"a trial's horizon must be above 0 and at most {_LONGEST_TRIAL:,} days or "
            f"{MOST_TRADES:,} trades"
        )
    try:
        if terms.document is None:
            document, keys = document_of(workspace, config.name)
        else:
            document = Path(terms.document)
            keys = read_strategy(document).config
        counted = tries_of(workspace.tries, config.name)
    except ConfigError as error:
        raise NoPromiseError(f"{terms.document}: {error}") from error
    except OSError as error:
        raise NoPromiseError(f"{workspace.tries}: the tries cannot be counted ({error})") from error
    stored = None if document is None else stored_backtest(document, keys.get("backtest"))
    return seal_trial(
        config, stored, days=terms.days, trades=terms.trades, counted=counted, now=now
    )


def _warmup(request: StartRequest, config: StrategyConfig, notices: list[str]) -> int:
    """How many candles come before the first decision; one set by hand is noted."""
    if request.feed is FeedKind.REPLAY:
        if request.warmup is not None:
            raise BadRequestError(
                "a replay has its warm-up in its file: leave the warm-up out, or begin the file "
                "earlier"
            )
        return 0
    try:
        warmup, notice = chosen_warmup(config, request.warmup)
    except ValueError as error:
        raise BadRequestError(str(error)) from error
    notices += filter(None, (notice,))
    return warmup


def restart_request(record: SessionManifest) -> StartRequest:
    """What would start a session like this one again, on the same config snapshot."""
    return StartRequest(
        config=dict(record.config),
        feed=record.feed,
        broker=record.broker_asked,
        fills=record.fills,
        exchange=record.exchange,
        fallback=record.fallback,
        warmup=None if record.feed is FeedKind.REPLAY else record.warmup,
        data=record.data,
        columns=record.columns,
        speed=record.speed,
        run_for=record.run_for,
        until=None,
        trial=None if record.seal is None else _terms_of(record.seal.horizon),
    )


def _terms_of(horizon: Horizon) -> TrialTerms:
    if horizon.days is not None:
        return TrialTerms(days=horizon.days)
    return TrialTerms(trades=horizon.trades)


def _exchange(request: StartRequest) -> str | None:
    """The exchange to poll or, where it is not the default one, to follow live.

    Its name becomes part of a path, so it is one that is registered or one of ccxt's.
    """
    if request.feed not in (FeedKind.POLL, FeedKind.LIVE):
        if request.exchange is not None:
            raise BadRequestError("an exchange goes with the poll and live feeds only")
        return None
    name = request.exchange or DEFAULT_VENUE
    if request.feed is FeedKind.LIVE and name in VENUES:
        return None if name == DEFAULT_VENUE else name
    if problem := exchange_problem(name):
        raise BadRequestError(problem)
    if request.feed is FeedKind.LIVE:
        known = ", ".join(sorted(VENUES))
        raise BadRequestError(
            f"exchange {name!r} has no live feed, only {known}: use the poll feed"
        )
    return name


def _source(request: StartRequest, session_id: str, source: str) -> str:
    if request.feed is FeedKind.REPLAY:
        return f"replay-{session_id}"
    exchange = _exchange(request)
    if request.feed is FeedKind.POLL:
        return f"poll-{exchange}"
    return source if exchange is None else f"live-{exchange}"


def _mode(feed: FeedKind, *, orders: bool) -> Mode:
    if feed is FeedKind.REPLAY:
        return Mode.REPLAY
    if feed is FeedKind.DEMO:
        return Mode.DEMO
    return Mode.TESTNET if orders else Mode.SIMULATED


def _require_orderable(request: StartRequest, config: StrategyConfig) -> None:
    """Raises `BadRequestError` where a venue could not do what the session does."""
    if request.feed not in (FeedKind.LIVE, FeedKind.DEMO):
        raise BadRequestError(
            f"orders on the testnet follow prices as they come, not a {request.feed} feed: use the "
            "live feed, or the simulated broker"
        )
    if _exchange(request) is not None:
        raise BadRequestError(
            f"orders on the testnet are Binance's, whose prices a session on {request.exchange} "
            "does not see: use the simulated broker"
        )
    if request.fills is Fills.CANDLE:
        raise BadRequestError(
            "orders on the testnet are sent when a price fills, not a candle later: leave out "
            "fills candle"
        )
    for symbol in config.symbols:
        if is_perpetual(symbol):
            if config.leverage != int(config.leverage):
                raise BadRequestError(f"leverage {config.leverage:g}: a venue takes whole numbers")
        elif config.leverage > 1 or config.direction is not Direction.LONG:
            raise BadRequestError(
                f"{symbol} is a spot market, where a venue takes neither short nor leverage: trade "
                f"the perpetual {symbol}:{quote_currency(symbol)}, or use the simulated broker"
            )


def require_no_clash(record: SessionManifest, others: Iterable[SessionSnapshot]) -> None:
    """Raises `BadRequestError` where another session trades one of its perpetuals on the venue.

    An account has one position in a perpetual: two sessions would close each other's.
    """
    for other in others:
        over = other.state.ended and not other.interrupted
        if other.orders is None or over or other.feed is not record.feed:
            continue
        for symbol in record.config["symbols"]:
            if record.accounts and is_perpetual(symbol) and symbol in other.symbols:
                raise BadRequestError(
                    f"session {other.id} trades {symbol} on the testnet already, and an account "
                    "has one position in it: stop that one first, or use the simulated broker"
                )


def _files(request: StartRequest, symbols: tuple[str, ...]) -> dict[str, str]:
    """A candle file for each symbol, as an absolute path: the host may run elsewhere."""
    given = request.data or {}
    unknown = [name for name in given if name not in symbols]
    if unknown or set(given) != set(symbols):
        missing = [symbol for symbol in symbols if symbol not in given]
        what = f"none for {missing[0]}" if missing else f"{unknown[0]} is no symbol of the config"
        raise BadRequestError(f"a replay needs a candle file for each symbol: {what}")
    files = {symbol: str(expanded(path).absolute()) for symbol, path in given.items()}
    for path in files.values():
        if not Path(path).is_file():
            raise BadRequestError(f"there is no candle file {path}")
    return files
