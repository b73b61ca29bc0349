"""The configuration: YAML files and flags to checked objects, each value with its origin."""

from ttsflow.config.choices import (
    BackendChoice,
    ObserverChoice,
    PolicyChoice,
    TextRuleChoice,
    check_backends,
    check_policies,
    resolve_backend,
    resolve_observers,
    resolve_policy,
    resolve_text_rules,
)
from ttsflow.config.dump import show
from ttsflow.config.layers import Flag, Origin
from ttsflow.config.model import Config, Situation
from ttsflow.config.policyfiles import user_folder
from ttsflow.config.settings import Settings, load, settings_of
from ttsflow.config.yamlfile import parse_value

__all__ = [
    "BackendChoice",
    "Config",
    "Flag",
    "ObserverChoice",
    "Origin",
    "PolicyChoice",
    "Settings",
    "Situation",
    "TextRuleChoice",
    "check_backends",
    "check_policies",
    "load",
    "parse_value",
    "resolve_backend",
    "resolve_observers",
    "resolve_policy",
    "resolve_text_rules",
    "settings_of",
    "show",
    "user_folder",
]
