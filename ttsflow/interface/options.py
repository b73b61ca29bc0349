"""The base of every plugin's options."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class PluginOptions(BaseModel):
    """What a user may set for a plugin in YAML: unknown keys are refused, values do not change.

    A plugin declares its options as a nested class. `ttsflow policies NAME` shows the field descriptions.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
