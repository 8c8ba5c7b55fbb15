"""What samples of objects tell of all objects: estimates with their errors, by sampling theory.

The runtime samples an object of a size with the probability 1 - exp(-size / MemProfileRate), independently of all others
(malloc.go, nextSample). Each sampled one stands for w objects, w the inverse of that (Horvitz and Thompson).
"""

from __future__ import annotations

from typing import Final

import attrs
import numpy as np
import numpy.typing as npt

from gdb_gospan.runtime.record import I64

F64 = npt.NDArray[np.float64]
_Z: Final = 1.959963985
"""Of the normal distribution: 95 % lie within so many standard deviations."""


_RAREST: Final = 1 << 40
"""A sample in so many bytes tells nothing: such a rate turns sampling off (math.MaxInt), or is damage."""


def tells(rate: int | None) -> bool:
    """Whether samples that are taken at this rate tell how many objects there are."""
    return rate is not None and 0 < rate <= _RAREST


def weight(count: I64, nbytes: I64, rate: int | None) -> F64:
    """Return for how many objects each sampled one stands; 1 where the rate does not tell.

    Parameters
    ----------
    count, nbytes
        int64 (n,): objects of a size, and their bytes in all.
    """
    found = np.ones(len(count))
    some = (count != 0) & (nbytes != 0)
    if rate is not None and rate > 1 and tells(rate):
        chance = 1 - np.exp(-np.maximum(nbytes[some] / count[some], 0) / rate)
        found[some] = 1 / np.where(chance > 0, chance, 1)  # 0 only of damaged counts
    return found


@attrs.frozen(eq=False, repr=False)
class Moments:
    """What must be added up over samples to know a sum over all objects, and how sure it is; float64 of any one shape.

    Attributes
    ----------
    total
        Sum of w x: the estimate.
    variance
        Sum of w (w - 1) x².
    seen
        Sum of x: what there is at least.
    jump
        Sum of the root of w (w - 1) x²: of how large steps the estimate is made.
    """

    total: F64
    variance: F64
    seen: F64
    jump: F64

    @classmethod
    def of(cls, weights: F64, values: F64) -> Moments:
        """Return those of each sample: `weights` (n,) or of the shape of the values, (n, c)."""
        square = weights * (weights - 1) * values**2
        return cls(weights * values, square, values, np.sqrt(square))

    @property
    def columns(self) -> F64:
        """All four side by side, to be added up: (n, 4 c)."""
        return np.concatenate([self.total, self.variance, self.seen, self.jump], axis=1)

    @classmethod
    def from_columns(cls, columns: F64) -> Moments:
        """Take the sums of `columns` apart again."""
        return cls(*np.split(columns, 4, axis=1))

    def scaled(self, factor: F64) -> Moments:
        """Return those of estimates that are multiplied by this; what was seen stays."""
        return Moments(self.total * factor, self.variance * factor**2, self.seen, self.jump * factor)

    @property
    def error(self) -> F64:
        """The standard error of the estimate."""
        return np.sqrt(self.variance)

    def bounds(self, most: F64 | None = None) -> tuple[F64, F64]:
        """Return between which bounds the truth is, 19 times out of 20.

        With few samples the estimate is skewed: these are quantiles of gamma distributions of its mean and variance, the
        upper one with one step more (Fay and Feuer 1997, with a mean step). They hold no less than was seen, and no more
        than there is.

        Parameters
        ----------
        most
            What there is of all objects, where that is known.
        """
        low, high = self.total.copy(), self.total.copy()
        some = self.variance > 0
        mean, variance = self.total[some], self.variance[some]
        step = variance / self.jump[some]
        low[some] = _gamma(mean, variance, -_Z)
        high[some] = _gamma(mean + step, variance + step**2, _Z)
        low = np.maximum(low, self.seen)
        high = np.maximum(high if most is None else np.minimum(high, most), self.seen)
        return np.minimum(low, high), high


def _gamma(mean: F64, variance: F64, z: float) -> F64:
    """Return a quantile of gamma distributions, as Wilson and Hilferty approximate it."""
    shape = mean**2 / variance
    cube = np.maximum(1 - 1 / (9 * shape) + z / (3 * np.sqrt(shape)), 0) ** 3
    found: F64 = mean * cube
    return found
