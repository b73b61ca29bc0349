"""Policy files that are found by name: the user's own, then those shipped with the project."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from ttsflow.config.layers import Layer, Origin, file_layer
from ttsflow.errors import ConfigError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def user_policies() -> Path:
    """The user's own folder of policy files, such as ~/.config/ttsflow/policies."""
    import click

    return Path(click.get_app_dir("ttsflow")) / "policies"


@dataclass(frozen=True, slots=True)
class PolicyFiles:
    """Finds what `--policy` names. The current folder is never searched: a file may name code."""

    user: Path

    def layer(self, policy: str) -> Layer:
        """The layer that a path, the name of a policy file or the name of a policy plugin stands for.

        A name that no file has is taken for a plugin's. Raises ConfigError.
        """
        if is_path(policy):
            return file_layer(Path(policy).expanduser(), policy)
        if not _NAME.fullmatch(policy):
            raise ConfigError(f"--policy: {policy!r} is not a name of letters, digits, - and _, nor a path")
        for file, label in ((self.user / f"{policy}.yaml", None), _shipped(policy)):
            if file.is_file():
                return file_layer(file, label or str(file))
        origin = Origin("--policy")
        return Layer({"policy": {"use": policy}}, {("policy",): origin, ("policy", "use"): origin})

    def names(self) -> list[str]:
        """The policy files that a name finds."""
        shipped = resources.files("ttsflow.policies").iterdir()
        files = [*shipped, *(self.user.iterdir() if self.user.is_dir() else ())]
        names = (file.name.removesuffix(".yaml") for file in files if file.name.endswith(".yaml"))
        return sorted({name for name in names if _NAME.fullmatch(name)})


def is_path(policy: str) -> bool:
    """Whether `--policy` was given a path and not a name."""
    return any(sign in policy for sign in "/\\") or policy.lower().endswith((".yaml", ".yml"))


def _shipped(name: str) -> tuple[Traversable, str]:
    return resources.files("ttsflow.policies") / f"{name}.yaml", f"policies/{name}.yaml (shipped)"
