"""The base of every plugin's options."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class PluginOptions(BaseModel):
    """What a user may set for a plugin in YAML: unknown keys are refused, values do not change.

    A plugin declares its own as a nested class; field descriptions show in `ttsflow policies NAME`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
