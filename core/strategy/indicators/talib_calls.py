"""Calls TA-Lib, over arrays and candle by candle; it is imported on first use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from core.late_imports import talib
from core.market.candles.candles import Floats
from core.strategy.indicators.series import TalibCall, always_known


def batch_call(call: TalibCall, inputs: Sequence[Floats]) -> tuple[Floats, ...]:
    """The outputs of a call over whole arrays, NaN where there is no value yet.

    A candle on which an input is not known has no value and is none to the function: it sees the
    others as if they followed each other.
    """
    count = len(inputs[0])
    unsure = [
        values for one, values in zip(call.inputs, inputs, strict=True) if not always_known(one)
    ]
    known = np.logical_and.reduce([np.isfinite(values) for values in unsure]) if unsure else None
    if known is None or known.all():
        return _whole_call(call, inputs)
    places = np.flatnonzero(known)
    if len(places) == 0:
        return tuple(np.full(count, np.nan) for _ in range(call.outputs))
    results = []
    for values in _whole_call(call, [one[places] for one in inputs]):
        result = np.full(count, np.nan)
        result[places] = values
        results.append(result)
    return tuple(results)


def _whole_call(call: TalibCall, inputs: Sequence[Floats]) -> tuple[Floats, ...]:
    result = getattr(talib(), call.function)(*inputs, **dict(call.parameters))
    outputs = result if isinstance(result, tuple) else (result,)
    if all(output.dtype == np.float64 for output in outputs):
        return outputs
    # Whole numbers have no NaN: TA-Lib writes 0 where it knows nothing yet.
    outputs = tuple(output.astype(np.float64) for output in outputs)
    for output in outputs:
        output[: needed_history(call) - 1] = np.nan
    return outputs


def needed_history(call: TalibCall) -> int:
    """How many candles a handle of this call needs to open: TA-Lib's lookback and one."""
    lookback: int = talib().abstract.Function(call.function, **dict(call.parameters)).lookback
    return lookback + 1


def open_handle(call: TalibCall, history: Sequence[Sequence[float]]) -> Any | None:
    """A TA-Lib handle standing at the end of `history`, None if it needs a longer one.

    Its `value` and `update(…)` are a float, or a tuple of floats where the call has several
    outputs, bit-identical to `batch_call` at the same candle.
    """
    columns = [np.array(column, dtype=np.float64) for column in history]
    try:
        return getattr(talib().stream, call.function)(*columns, **dict(call.parameters))
    except talib().InsufficientHistory:
        return None
