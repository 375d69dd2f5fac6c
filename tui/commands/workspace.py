"""Commands of the screens about the whole workspace: jobs, logs, settings, performance."""

from __future__ import annotations

from tui.commands.command import Command, Place, unfilter

WORKSPACE: tuple[Command, ...] = (
    Command(
        "schedule.new", Place.SCHEDULE, "n", "n", "new",
        "Have something done at set times: check or stop a session, or say something", "new", 1,
    ),
    Command(
        "schedule.edit", Place.SCHEDULE, "e,enter", "e", "edit",
        "Change what the job does, or when", "edit", 2,
        unless="No job is under the cursor: n makes one.",
    ),
    Command(
        "schedule.run", Place.SCHEDULE, "R", "R", "run now",
        "Run the job now, due or not (asks where it stops a session)", "run", 3,
        unless="No job is under the cursor: n makes one.",
    ),
    Command(
        "schedule.pause", Place.SCHEDULE, "p", "p", "pause",
        "Have the job not run when it is due, or run again; what it missed is not made up for",
        "pause", 4,
        unless="No job is under the cursor: n makes one.",
    ),
    Command(
        "schedule.remove", Place.SCHEDULE, "d,delete", "d", "remove", "Remove the job (asks)",
        "remove", 5,
        unless="No job is under the cursor: n makes one.",
    ),
    Command(
        "schedule.filter", Place.SCHEDULE, "slash", "/", "filter",
        "Show only jobs with this text in what they do, when, session or state", "filter", 6,
    ),
    unfilter("schedule", Place.SCHEDULE),
    Command(
        "logs.filter", Place.LOGS, "slash", "/", "filter", "Show only lines with this text",
        "filter", 1,
    ),
    unfilter("logs", Place.LOGS),
    Command(
        "logs.open", Place.LOGS, "enter", "Enter", "open",
        "The session of the lowest line that is seen, or of the one that ! went back to", "open", 6,
        unless="No line is shown that a session opens from: the host's own are of none.",
    ),
    Command(
        "logs.level", Place.LOGS, "L", "L", "level",
        "Show from debug, information, warnings or errors on", "level", 2,
    ),
    Command(
        "logs.session", Place.LOGS, "S", "S", "session",
        "Choose the session whose lines to show, or all", "session", 3,
    ),
    Command(
        "logs.follow", Place.LOGS, "space", "Space", "follow/freeze",
        "Stand still, or follow the newest line", "follow", 4,
    ),
    Command(
        "logs.trouble", Place.LOGS, "exclamation_mark", "!", "trouble",
        "Go back to the warning or error before", "trouble", 5,
    ),
    Command(
        "settings.change", Place.SETTINGS, "e,enter", "e", "change",
        "Change the setting, or add to it", "change", 1,
        unless="It cannot be changed, only taken out (d).",
    ),
    Command(
        "settings.try", Place.SETTINGS, "R", "R", "try",
        "Try whether the test venue takes the keys, or whether notifications arrive", "try_it", 2,
        unless="There is nothing to try in this setting.",
    ),
    Command(
        "settings.remove", Place.SETTINGS, "d,delete", "d", "take out",
        "Have notifications go there no more (asks)", "remove", 3,
        unless="Only a place that notifications go to can be taken out.",
    ),
    Command(
        "performance.next", Place.PERFORMANCE, "l,right", "l →", "next",
        "By the next: days, weeks, months, pairs, sides, reasons, strategies, hours, sessions; "
        "then all trades, and all open positions", "turn(1)", 1,
    ),
    Command(
        "performance.previous", Place.PERFORMANCE, "h,left", "h ←", "previous",
        "By the one before", "turn(-1)", 2,
    ),
    Command(
        "performance.money", Place.PERFORMANCE, "m", "m", "money",
        "The next kind of money: sessions of different ones are never added up", "money", 3,
        unless="All of it is of one kind of money.",
    ),
    Command(
        "performance.open", Place.PERFORMANCE, "enter", "Enter", "open",
        "The trades of a group; a trade by itself; the session of a position", "open", 4,
        unless="There is nothing to open here: h and l lead to other groups.",
    ),
    Command(
        "performance.calendar", Place.PERFORMANCE, "tab", "Tab", "next pane",
        "Into the calendar: arrows lead to a day, its title tells of it, Enter shows its trades",
        "app.focus_next", 5,
    ),
    Command(
        "performance.back", Place.PERFORMANCE, "escape", "Esc", "back",
        "Return from the trades of a group, or to the list that sessions were chosen in", "back", 6,
        unless="It is of all sessions: 1 to 7 lead elsewhere.",
    ),
)  # fmt: skip
