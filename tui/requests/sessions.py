"""The commands on sessions, as the screens give them to the host: each says how it went."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from functools import partial
from typing import Protocol

from core.host.link import CommandError, HostLink
from core.journal.session_notes import AlertRule
from core.journal.values import FeedKind
from core.session.snapshot import SessionSnapshot, StartReply, StartRequest
from core.strategy.chart_values import ChartSource
from core.text import counted
from core.trading.values import Side
from core.trial.cone_over_time import ConeOverTime
from tui import formats
from tui.requests.backtest import Points
from tui.shell import OfferedAnswer, Severity, Shell


class ReportPage(Protocol):
    """A page that has been opened for a report, and shows it once it is read."""

    def take(
        self,
        report: Mapping[str, object],
        equity: Points,
        source: ChartSource,
        cone: ConeOverTime | None,
    ) -> None:
        """Show a report (as `report --json`), with the equity, candles and band it came from."""
        ...

    def cannot(self, why: str) -> None:
        """Say why there is no report."""
        ...


_NO_ENTRIES = (
    "the verdict rests on the trades that are made, no longer on all that the rules decide. The "
    "comparison tells each trade that is missing as by hand."
)
_CLOSED = (
    "a trade closed by hand counts in the verdict with what it made. The comparison tells it as by "
    "hand."
)


def _nothing() -> None:
    """What is done when nothing is to be done."""


class SessionCommands:
    """The commands on sessions, each a worker of the app that says how it went."""

    def __init__(self, shell: Shell, open_report: Callable[[str], ReportPage]) -> None:
        """`open_report`: opens the page for the report of a session of that name."""
        self._shell = shell
        self._open_report = open_report
        self._begun: str | None = None  # the session that was started last, until it is shown
        self._logged = False  # whether it is shown with its log, which tells all of its start

    def start(
        self, request: StartRequest, told: Callable[[str | None], bool] = lambda _: False
    ) -> None:
        """Start a session. `told` is called once it is, or with why it was refused.

        It returns whether somebody has seen that; otherwise a refusal is said in a corner.
        """

        async def work(link: HostLink) -> None:
            try:
                reply = await link.start(request)
            except CommandError as error:
                if not told(str(error)):
                    raise
            else:
                self._started(reply)
                told(None)

        if self._shell.link is None:
            told("the host is still starting")
        else:
            self._shell.command("start", work)

    def take_begun(self, shown: Container[str], *, logged: bool) -> str | None:
        """The session that was started last, once: as soon as it is among those shown.

        `logged`: whether its log will be seen beneath them.
        """
        begun = self._begun
        if begun is None or begun not in shown:
            return None
        self._begun, self._logged = None, logged
        return begun

    def quick_start(self) -> None:
        """Start the first strategy that can run on the demo; elsewhere open the form."""
        if self._shell.feed is not FeedKind.DEMO:
            self._shell.open_new_session()
            return

        async def work(link: HostLink) -> None:
            choices = await self._shell.read_strategies()
            ready = [choice for choice in choices if not choice.problems]
            if not ready:
                self._shell.say("No strategy can be started: press n to see why.", "warning")
                return
            request = StartRequest(config=dict(ready[0].raw), feed=self._shell.feed)
            self._started(await link.start(request))

        self._shell.command("start", work)

    def ask_restart(self, session: SessionSnapshot) -> None:
        """Ask, then start a new session with the config of one that ended."""

        async def work(link: HostLink) -> None:
            self._started(await link.restart(session.id))

        self._shell.ask(
            f"Start {_named([session])} again?",
            _again(session),
            [OfferedAnswer("restart", "y", "Start")],
            lambda _: self._shell.command("restart", work),
        )

    def _known(self, sessions: Sequence[SessionSnapshot]) -> list[SessionSnapshot]:
        """The sessions as they are shown now; without those that are listed no more."""
        ids, snapshot = {one.id for one in sessions}, self._shell.snapshot
        return [one for one in snapshot.sessions if one.id in ids] if snapshot else list(sessions)

    def _ended(self, sessions: Sequence[SessionSnapshot]) -> Callable[[], str]:
        """Tells that all of them have ended, once that is so."""

        def gone() -> str:
            if any(not one.state.ended for one in self._known(sessions)):
                return ""
            have = "have" if len(sessions) > 1 else "has"
            return f"{_named(sessions)} {have} ended already."

        return gone

    def _started(self, reply: StartReply) -> None:
        """Say what was started, unless it is seen: a note would lie over the log that tells it."""
        self._begun, self._logged = reply.session_id, False
        self._shell.poll()
        if self._logged:
            return
        told = (reply.message or f"Session {reply.session_id} starts.", *reply.notices)
        text = formats.named_in_zone("\n".join(told), self._shell.zone)
        severity: Severity = "warning" if reply.notices else "information"
        self._shell.say(text, severity, reply.mode.value, waits=True)

    def ask_stop(
        self, sessions: Sequence[SessionSnapshot], agreed: Callable[[], None] = _nothing
    ) -> None:
        """Ask, then stop those that have not ended; `agreed` is called once they are to be."""
        targets = [s for s in sessions if not s.state.ended]
        if not targets:
            return
        answers = [OfferedAnswer("stop", "y", "Stop")]
        if any(session.open_positions for session in targets):
            answers.append(OfferedAnswer("flatten", "f", "Close positions first, then stop"))

        def answered(answer: str) -> None:
            agreed()
            self._stop(targets, flatten=answer == "flatten")

        self._shell.ask(*stop_question(targets), answers, answered, self._ended(targets))

    def _stop(self, sessions: Sequence[SessionSnapshot], *, flatten: bool) -> None:
        async def work(link: HostLink) -> None:
            for session in sessions:
                report = await link.stop(session.id, flatten=flatten)
                if len(sessions) == 1:
                    await self._show(link, session, report)
            if len(sessions) > 1:
                self._shell.say(f"{len(sessions)} sessions stopped.")

        self._shell.command("stop", work, about=[one.id for one in sessions])

    def pause(
        self,
        sessions: Sequence[SessionSnapshot],
        seen: SessionSnapshot | None,
        *,
        asks: bool = False,
    ) -> None:
        """Pause what runs; where nothing does, let it enter again, or take it up again.

        `seen`: the session under the cursor. Said is which were paused, if not that one alone.
        `asks`: whether it is asked first, by name, since not all of them are in sight. To pause a
        trial is always asked first.
        """
        running = [s for s in sessions if not s.resumable]
        targets = running or sessions

        async def work(link: HostLink) -> None:
            for session in targets:
                if running:
                    await link.pause(session.id)
                else:
                    await link.resume(session.id)
            self._tell(targets, "paused" if running else "resumed", seen)

        def agreed() -> None:
            name = "pause" if running else "resume"
            self._shell.command(name, work, about=[one.id for one in targets])

        trial = _trial_of(targets, _NO_ENTRIES) if running else ""
        ended = self._ended(running) if running else None
        what = "Pause" if running else "Resume"
        self._do(what, targets, agreed, asks=asks, trial=trial, gone=ended)

    def _do(
        self,
        what: str,
        targets: Sequence[SessionSnapshot],
        agreed: Callable[[], None],
        *,
        asks: bool,
        trial: str = "",
        gone: Callable[[], str] | None = None,
    ) -> None:
        """Do what is done unasked to sessions in sight; of others ask first, naming them.

        `trial`: what it does to the verdict of a trial, which is asked first too. `gone`: as for
        `Shell.ask`.
        """
        if not asks and not trial:
            agreed()
            return
        where = "Not all of them are" if len(targets) > 1 else "It is not"
        hidden = f"{where} in sight: the group is folded.\n" if asks else ""
        self._shell.ask(
            f"{what} {_named(targets)}?",
            f"{_names(targets)}{hidden}{trial}".strip(),
            [OfferedAnswer("yes", "y", what)],
            lambda _: agreed(),
            gone or (lambda: ""),
        )

    def _tell(
        self, targets: Sequence[SessionSnapshot], done: str, seen: SessionSnapshot | None
    ) -> None:
        """Say what was done unasked, and to which, unless to that seen under the cursor alone."""
        if seen is None or [one.id for one in targets] != [seen.id]:
            names = f": {_names(targets).strip()}" if len(targets) > 1 else "."
            self._shell.say(f"{_named(targets)} {done}{names}")

    def ask_flatten(
        self, sessions: Sequence[SessionSnapshot], agreed: Callable[[], None] = _nothing
    ) -> None:
        """Ask, then close the positions of sessions at the next price."""
        targets = [s for s in sessions if s.open_positions and not s.state.ended]
        if not targets:
            return
        count = counted(sum(len(s.open_positions) for s in targets), "position")

        async def work(link: HostLink) -> None:
            for session in targets:
                await link.flatten(session.id)

        def answered(_: str) -> None:
            agreed()
            self._shell.command("flatten", work)

        def gone() -> str:
            held = any(one.open_positions and not one.state.ended for one in self._known(targets))
            return "" if held else f"{_named(targets)}: no position is open any more."

        self._shell.ask(
            f"Close {count} of {_named(targets)}?",
            f"{_names(targets)}At the next price, told as closed by hand. "
            f"{'The sessions go' if len(targets) > 1 else 'The session goes'} on."
            f"{_trial_of(targets, _CLOSED)}",
            [OfferedAnswer("flatten", "y", "Close")],
            answered,
            gone,
        )

    def ask_flatten_one(self, session: SessionSnapshot, symbol: str) -> None:
        """Ask, then close the position of one symbol, or all of the session's."""
        position = next((one for one in session.open_positions if one.symbol == symbol), None)
        if position is None:
            self.ask_flatten([session])
            return
        entered = symbol, position.entry_time
        answers = [OfferedAnswer(symbol, "y", f"Close {symbol}")]
        if len(session.open_positions) > 1:
            answers.append(OfferedAnswer("all", "a", f"Close all {len(session.open_positions)}"))

        def answered(chosen: str) -> None:
            async def work(link: HostLink) -> None:
                await link.flatten(session.id, chosen if chosen == symbol else None)

            self._shell.command("flatten", work)

        def gone() -> str:
            """Another position of the symbol is none that was asked about."""
            held = [
                (one.symbol, one.entry_time)
                for known in self._known([session])
                for one in known.open_positions * (not known.state.ended)
            ]
            return "" if entered in held else f"{symbol} of {_named([session])} is closed already."

        self._shell.ask(
            f"Close {symbol} of {_named([session])}?",
            "At the next price, told as closed by hand. The session goes on."
            f"{_trial_of([session], _CLOSED)}",
            answers,
            answered,
            gone,
        )

    def block(self, session: SessionSnapshot, symbol: str) -> None:
        """Block the entries of one symbol, of a trial once that is asked, or allow them again."""
        blocked = symbol in session.blocked

        async def work(link: HostLink) -> None:
            if blocked:
                await link.resume(session.id, symbol)
            else:
                await link.pause(session.id, symbol)
            self._shell.say(f"Entries of {symbol} are {'allowed' if blocked else 'blocked'}.")

        trial = "" if blocked else _trial_of([session], _NO_ENTRIES)
        if not trial:
            self._shell.command("allow" if blocked else "block", work, about=[session.id])
            return
        self._shell.ask(
            f"Block entries of {symbol} in {_named([session])}?",
            trial.strip(),
            [OfferedAnswer("block", "y", "Block")],
            lambda _: self._shell.command("block", work, about=[session.id]),
            self._ended([session]),
        )

    def annotate(self, session: SessionSnapshot, note: str, tags: tuple[str, ...]) -> None:
        """Put down a note and tags."""

        async def work(link: HostLink) -> None:
            await link.annotate(session.id, note, tags)

        self._shell.command("note", work)

    def set_alerts(self, session: SessionSnapshot, alerts: tuple[AlertRule, ...]) -> None:
        """Have the user told of these."""

        async def work(link: HostLink) -> None:
            await link.set_alerts(session.id, alerts)
            waited = "; ".join(one.text for one in alerts if one.told is None)
            self._shell.say(f"Will tell once: {waited}." if waited else "Nothing is waited for.")

        self._shell.command("alerts", work)

    def ask_enter(self, session: SessionSnapshot, symbol: str) -> None:
        """Ask on which side, then enter a position by hand."""
        keys = {Side.LONG: "l", Side.SHORT: "s"}

        def answered(chosen: str) -> None:
            async def work(link: HostLink) -> None:
                await link.enter(session.id, symbol, Side(chosen))

            self._shell.command("enter", work)

        def gone() -> str:
            for known in self._known([session]):
                if any(one.symbol == symbol for one in known.open_positions):
                    return f"{symbol} of {_named([session])} is in a position already."
            return self._ended([session])()

        self._shell.ask(
            f"Enter {symbol} in {_named([session])} by hand?",
            "At the next price, with the strategy's own size, stop and target as of its last "
            "candle. The strategy leaves it by its rules. Reports and comparisons say that it was "
            "entered by hand.",
            [
                OfferedAnswer(side.value, keys[side], f"Enter {side.value}")
                for side in session.sides
            ],
            answered,
            gone,
        )

    def ask_archive(
        self, sessions: Sequence[SessionSnapshot], agreed: Callable[[], None] = _nothing
    ) -> None:
        """Ask, then take ended sessions out of the list."""
        targets = [session for session in sessions if session.state.ended]
        if not targets:
            return

        async def work(link: HostLink) -> None:
            for session in targets:
                await link.archive(session.id)

        def answered(_: str) -> None:
            agreed()
            self._shell.command("archive", work)

        several = len(targets) > 1
        rest = [session for session in sessions if not session.state.ended]
        verb = "have" if len(rest) > 1 else "has"
        stay = "stay" if len(rest) > 1 else "stays"
        kept = f" {_named(rest)} {verb} not ended and {stay} listed." if rest else ""
        self._shell.ask(
            f"Archive {_named(targets)}?",
            f"{_names(targets)}{'They leave' if several else 'It leaves'} the list, and A shows "
            f"{'them' if several else 'it'} there. The files stay.{kept}",
            [OfferedAnswer("archive", "y", "Archive")],
            answered,
            lambda: "" if self._known(targets) else f"{_named(targets)} left the list already.",
        )

    def unarchive(
        self,
        sessions: Sequence[SessionSnapshot],
        seen: SessionSnapshot | None,
        done: Callable[[], None],
        *,
        asks: bool = False,
    ) -> None:
        """Put archived sessions back into the list; `done` is called once they are.

        `seen`: the one under the cursor. Said is which were put back, if not that one alone.
        `asks`: as for `pause`.
        """

        async def work(link: HostLink) -> None:
            for session in sessions:
                await link.unarchive(session.id)
            done()
            self._tell(sessions, "put back", seen)

        def agreed() -> None:
            self._shell.command("unarchive", work)

        self._do("Put back", sessions, agreed, asks=asks)

    def report(self, session: SessionSnapshot) -> None:
        """Show the report of a session."""

        self._shell.command("report", partial(self._show, session=session))

    async def _show(
        self, link: HostLink, session: SessionSnapshot, report: Mapping[str, object] | None = None
    ) -> None:
        """Open the page at once; without a `report`, the host is asked for it."""
        self._shell.poll()
        page = self._open_report(_named([session]))
        try:
            if report is None:
                report = await link.report(session.id)
            detail = await link.detail(session.id)
        except CommandError as error:
            page.cannot(str(error))
        except Exception:
            page.cannot("it could not be read")  # the app says what went wrong
            raise
        else:
            source = partial(link.chart, session.id)
            page.take(report, detail.equity, source, detail.cone)


def stop_question(targets: Sequence[SessionSnapshot]) -> tuple[str, str]:
    """What is asked before sessions are stopped, and what comes of it."""
    positions = sum(len(session.open_positions) for session in targets)
    text = f"{_names(targets)}The report is made from what has happened so far."
    if positions:
        stay = "stays" if positions == 1 else "stay"
        where = "it" if len(targets) == 1 else "them"
        text += f"\n{counted(positions, 'position')} {stay} open in {where}, marked to the market."
    if any(session.trial is not None for session in targets):
        whose = "It is a trial" if len(targets) == 1 else "A trial is among them"
        text += f"\n{whose}: what it has not answered by now stays without an answer."
    return f"Stop {_named(targets)}?", text


def _trial_of(targets: Sequence[SessionSnapshot], verdict: str) -> str:
    """What a hand does to the `verdict` of a trial, on a line of its own; nothing of no trial."""
    if all(session.trial is None for session in targets):
        return ""
    whose = "It is a sealed trial" if len(targets) == 1 else "A sealed trial is among them"
    return f"\n{whose}: {verdict}"


def none_of_marked(targets: Sequence[SessionSnapshot], lacks: str) -> str:
    """Why nothing is done to what is marked: each of them `lacks` what it takes."""
    names = formats.several([_named([one]) for one in targets])
    return f"Commands are for what is marked, and it {lacks}: {names}. Esc unmarks."


def _again(session: SessionSnapshot) -> str:
    """What another session with the config of one that ended would be."""
    replays = session.feed is FeedKind.REPLAY
    over = "on the same candles from their beginning" if replays else "from now on"
    sealed = "It is not sealed, as this one was not."
    if session.trial is not None:
        sealed = (
            "It is sealed as a trial of its own, if a saved backtest of this config still stands."
        )
    return f"A new session with the config it had, {over}; this one stays as it ended. {sealed}"


def _named(targets: Sequence[SessionSnapshot]) -> str:
    if len(targets) == 1:
        return f"{targets[0].strategy} ({targets[0].id})"
    return counted(len(targets), "session")


def _names(targets: Sequence[SessionSnapshot]) -> str:
    """A line that names several; nothing for one, which the title names."""
    if len(targets) == 1:
        return ""
    return f"{formats.several([_named([one]) for one in targets])}.\n"
