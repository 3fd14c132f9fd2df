"""How scores are written, and which of two is the better one."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

SHOWN = 4  # digits of a score that is no percentage


@dataclass(frozen=True)
class ScoreScale:
    """What a score's number means.

    Args:
        percent: Whether it lies in [0, 1] and is written in %, as accuracy is.
        less_is_better: Whether the lower score is the better one, as of an error.
    """

    percent: bool = True
    less_is_better: bool = False

    def of(self, metric: str) -> str:
        """Return what a title says of a metric, such as ``"rmse (less is better)"``."""
        if self.percent:
            return f"{metric} in %"
        return f"{metric} (less is better)" if self.less_is_better else metric

    def score(self, mean: float, deviation: float | None = None) -> str:
        """Return a mean as text, with its deviation where there is one.

        >>> ScoreScale().score(0.8125, 0.0123), ScoreScale(percent=False).score(0.58321, 0.0123)
        ('81.2 ± 1.2', '0.5832 ± 0.0123')
        """
        if not self.percent and not 1e-4 <= abs(mean) < 1e7 and mean:
            return f"{mean:.3e}" if deviation is None else f"{mean:.3e} ± {deviation:.1e}"
        factor, decimals = (100, 1) if self.percent else (1, _decimals(mean))
        text = f"{factor * mean:.{decimals}f}"
        return text if deviation is None else f"{text} ± {factor * deviation:.{decimals}f}"

    def difference(self, value: float, low: float, high: float) -> str:
        """Return a difference of two scores and its interval as text.

        >>> ScoreScale(percent=False).difference(-0.1, -0.25, 0.05)
        '-0.1, [-0.25, +0.05]'
        """
        if self.percent:
            shown, form, unit = (100 * value, 100 * low, 100 * high), "+.1f", " points"
        else:
            shown, form, unit = (value, low, high), "+.3g", ""
        interval = f"[{shown[1]:{form}}, {shown[2]:{form}}]" if math.isfinite(low) else "no interval"
        return f"{shown[0]:{form}}{unit}, {interval}"


PERCENT = ScoreScale()
"""Of accuracy and its like."""


def _decimals(value: float) -> int:
    """Return with how many decimals a number has the digits that are shown."""
    if not math.isfinite(value) or not value:
        return SHOWN - 1
    return max(0, SHOWN - 1 - math.floor(math.log10(abs(value))))


def titled(scales: Mapping[str, ScoreScale]) -> str:
    """Return what a title says of several metrics.

    >>> titled({"accuracy": ScoreScale(), "f1": ScoreScale(), "mae": ScoreScale(percent=False, less_is_better=True)})
    'accuracy, f1 in %, mae (less is better)'
    """
    percent = ", ".join(metric for metric, scale in scales.items() if scale.percent)
    others = [scale.of(metric) for metric, scale in scales.items() if not scale.percent]
    return ", ".join([f"{percent} in %", *others] if percent else others)
