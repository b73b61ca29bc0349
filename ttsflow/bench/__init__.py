"""Measures what scheduling hangs on: what chunks cost, alone and several at a time, on this machine."""

from ttsflow.bench.advice import advice
from ttsflow.bench.arms import Wish
from ttsflow.bench.figures import Figures, figures
from ttsflow.bench.measurement import Measured, measure

__all__ = ["Figures", "Measured", "Wish", "advice", "figures", "measure"]
