"""What everybody may know of how our gateway makes figures, in numpy: attackers use it, and so does the reckoning of errors.

The numbers are those of the shipped city's policies; the gateway computes in whole numbers (``gateway.core.figures``).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CLAMP_KWH: Final = 5.0
"""Most that counts of one home and hour."""
PRESENCE: Final = 2.0
CONTRACTED_MU: Final = 2.0
CONTRACTED_CLIP: Final = 10.0
CONTRACTED_GROUP: Final = 15
OPEN_MU: Final = 0.62
OPEN_CLIP: Final = 8.0
OPEN_GROUP: Final = 50
EXACT_GROUP: Final = 50
LIVE_MU: Final = 0.5


def clipped(vectors: Floats, clip: float) -> Floats:
    """Return homes' vectors, clamped cell by cell and scaled so that with the presence their norm is at most ``clip``."""
    clamped = np.clip(np.nan_to_num(vectors), 0.0, CLAMP_KWH)
    norm = np.sqrt((clamped**2).sum(axis=-1, keepdims=True))
    most = np.sqrt(clip**2 - PRESENCE**2)
    scale = np.minimum(1.0, most / np.maximum(norm, 1e-12))
    return np.asarray(clamped * scale)
