"""The configuration: YAML files and flags to checked objects, each value with its origin."""

from ttsflow.config.choices import (
    BackendChoice,
    PolicyChoice,
    check_backends,
    check_policies,
    resolve_backend,
    resolve_policy,
)
from ttsflow.config.dump import show
from ttsflow.config.layers import Flag, Origin
from ttsflow.config.model import Config, Situation, json_schema
from ttsflow.config.settings import Settings, load, settings_of
from ttsflow.config.yamlfile import parse_value

__all__ = [
    "BackendChoice",
    "Config",
    "Flag",
    "Origin",
    "PolicyChoice",
    "Settings",
    "Situation",
    "check_backends",
    "check_policies",
    "json_schema",
    "load",
    "parse_value",
    "resolve_backend",
    "resolve_policy",
    "settings_of",
    "show",
]
