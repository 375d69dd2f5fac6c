"""Returns of simulated trades, standardised: mean zero, standard deviation one."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from core.market.candles.candles import Floats

Draw = Callable[[np.random.Generator, tuple[int, ...]], Floats]
"""Standardised returns of a shape whose last axis is time."""


def normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    return rng.standard_normal(shape)


def skewed(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """Trend-following: 30% winners of exponential size, losers of about a third of their mean."""
    drawn = np.where(
        rng.random(shape) < 0.3, rng.exponential(3.0, shape), -rng.uniform(0.5, 1.5, shape)
    )
    return (drawn - 0.2) / math.sqrt(0.3 * 18 + 0.7 * (1 + 1 / 12) - 0.2**2)


def skewed_lognormal(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """30% winners and 70% losers, both of lognormal size."""
    up, down = rng.lognormal(math.log(2), 0.8, shape), rng.lognormal(math.log(0.8), 0.4, shape)
    drawn = np.where(rng.random(shape) < 0.3, up, -down)
    mean = 0.3 * 2 * math.exp(0.32) - 0.7 * 0.8 * math.exp(0.08)
    square = 0.3 * 4 * math.exp(2 * 0.64) + 0.7 * 0.64 * math.exp(2 * 0.16)
    return (drawn - mean) / math.sqrt(square - mean**2)


def exponential_losses(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """70% small winners, 30% losers of exponential size."""
    drawn = np.where(
        rng.random(shape) < 0.7, rng.uniform(0.5, 1.5, shape), -rng.exponential(1.8, shape)
    )
    mean = 0.7 - 0.3 * 1.8
    return (drawn - mean) / math.sqrt(0.7 * (1 + 1 / 12) + 0.3 * 2 * 1.8**2 - mean**2)


def rare_losses(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """90% small winners, 10% losers of six times their size."""
    drawn = np.where(
        rng.random(shape) < 0.9, rng.uniform(0.5, 1.5, shape), -rng.uniform(4, 8, shape)
    )
    mean = 0.9 - 0.1 * 6
    square = 0.9 * (1 + 1 / 12) + 0.1 * (36 + 16 / 12)
    return (drawn - mean) / math.sqrt(square - mean**2)


def lognormal(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """The logarithm normal with σ = 1: losses are bounded, a few wins are very large."""
    return (rng.lognormal(0, 1, shape) - math.exp(0.5)) / math.sqrt((math.e - 1) * math.e)


def clustered(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """Volatility in clusters: GARCH(1, 1) with α = 0.15 and β = 0.8."""
    noise = rng.standard_normal((*shape[:-1], shape[-1] + 50))
    variance, drawn = np.ones(shape[:-1]), np.empty(noise.shape)
    for at in range(noise.shape[-1]):
        drawn[..., at] = np.sqrt(variance) * noise[..., at]
        variance = 0.05 + 0.15 * drawn[..., at] ** 2 + 0.8 * variance
    return drawn[..., 50:]


def student_t(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """Student's t with three degrees of freedom."""
    return rng.standard_t(3, shape) / math.sqrt(3)


def autoregressive(rho: float) -> Draw:
    """Normal returns of which each carries on a share `rho` of the one before."""

    def draw(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
        noise = rng.standard_normal(shape)
        drawn = np.empty(shape)
        drawn[..., 0] = noise[..., 0]
        for at in range(1, shape[-1]):
            fresh = math.sqrt(1 - rho**2) * noise[..., at]
            drawn[..., at] = rho * drawn[..., at - 1] + fresh
        return drawn

    return draw
