"""What should the trader do next?"""

from __future__ import annotations

from core.compare.divergence import Divergence
from core.compare.verdict import Judgement, Needed, Verdict
from core.market.candles.timeframes import DAY, HOUR, Timeframe
from core.time_format import short_date, short_duration

VALIDATED = "Strategy validated. Consider going live with small position."
WORSE = (
    "Live performance diverges from backtest. Possible causes: market regime change, "
    "execution differences. Consider adjusting parameters."
)
BETTER = "Caution: short sample period. Continue paper trading or go live with conservative sizing."
NO_BACKTEST = "No backtest stands behind this strategy: always backtest first."
LOSING = "Results match the backtest, but both lose money: do not go live with it."


def minimum_duration(timeframe: Timeframe) -> int:
    """How long a strategy should be paper-traded at least, ms.

    Three days up to 1h and a week up to 4h; beyond that as many candles as a week of 4h has.
    """
    if timeframe.ms <= HOUR:
        return 3 * DAY
    if timeframe.ms <= 4 * HOUR:
        return 7 * DAY
    return 42 * timeframe.ms


def recommend(
    verdict: Verdict | None,
    *,
    ran_for: int | None,
    timeframe: Timeframe,
    profitable: bool | None,
    divergence: Divergence | None = None,
) -> str:
    """The recommendation in words.

    Args:
        verdict: of the paper (or live) column against the backtest; None without a backtest.
        ran_for: how long that column spans, ms; None where it is not known.
        timeframe: of the strategy.
        profitable: whether it makes money; None where that is not known.
        divergence: what was found trade by trade, where the periods are the same.
    """
    if verdict is None:
        return NO_BACKTEST
    least = minimum_duration(timeframe)
    short = ran_for is not None and ran_for < least
    sentences = []
    if verdict.judgement is Judgement.TOO_FEW:
        sentences.append("Too few trades to tell. Continue paper trading.")
    elif verdict.judgement is Judgement.DIVERGENT:
        sentences.append(BETTER if verdict.better else WORSE)
        if divergence is not None and divergence.differing and not verdict.better:
            sentences.append(f"Understand why before changing them: {divergence.summary}.")
    elif profitable is False:
        sentences.append(LOSING)
    elif short:
        sentences.append("Results match the backtest so far. Continue paper trading.")
    else:
        sentences.append(VALIDATED)
    if short and ran_for is not None:
        sentences.append(
            f"It ran {short_duration(ran_for / 1000)}; a {timeframe} strategy should run "
            f"{short_duration(least / 1000)} at least."
        )
    return " ".join(sentences)


def needed_text(needed: Needed, backtest_trades: int, trades: int, name: str) -> str:
    """How many trades would tell, and when they are there, in words."""
    text = (
        f"About {needed.each:,} trades in each column would tell with 80 % power "
        f"(the backtest has {backtest_trades:,}, {name.lower()} {trades:,})"
    )
    if needed.beside is None:
        text += (
            "; with so short a backtest no number of others does: backtest a longer period first"
        )
    elif needed.beside != needed.each:
        text += f"; beside this backtest {needed.beside:,} would do"
    if needed.at is not None:
        text += f"; at the present rate that is {short_date(needed.at)}"
    if needed.for_observed is not None:
        text += (
            f". To find the very difference in win rate seen here significant would take "
            f"{needed.for_observed:,} in each"
        )
    return text + "."
