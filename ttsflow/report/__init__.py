"""What happened in a run: measured as it goes, for a person and for a JSON file."""

from ttsflow.report.attempts import Attempt, AttemptWatch, Loss
from ttsflow.report.chunks import Text
from ttsflow.report.observer import Observer, Observers, Unobserved, WorkerInfo
from ttsflow.report.onlookers import Onlooker, Onlookers
from ttsflow.report.run import OutputInfo, RunInfo, RunReport, TextInfo
from ttsflow.report.summary import Summary

__all__ = [
    "Attempt",
    "AttemptWatch",
    "Loss",
    "Observer",
    "Observers",
    "Onlooker",
    "Onlookers",
    "OutputInfo",
    "RunInfo",
    "RunReport",
    "Summary",
    "Text",
    "TextInfo",
    "Unobserved",
    "WorkerInfo",
]
