"""Profile files: what engines cost on devices, as `ttsflow bench` measured it or a person knows it."""

from ttsflow.profiles.choice import Known, known, profiled
from ttsflow.profiles.file import Costs, Measured, ProfileFile, as_yaml, read_profiles, write_profiles

__all__ = [
    "Costs",
    "Known",
    "Measured",
    "ProfileFile",
    "as_yaml",
    "known",
    "profiled",
    "read_profiles",
    "write_profiles",
]
