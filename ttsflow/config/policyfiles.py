"""Policy files that are found by name: the user's own, then those shipped with the project."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from ttsflow.config.layers import Layer, Origin, file_layer
from ttsflow.errors import ConfigError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def user_folder() -> Path:
    """The user's own folder, such as ~/.config/ttsflow."""
    import click

    return Path(click.get_app_dir("ttsflow"))


def user_policies() -> Path:
    """The user's own folder of policy files, such as ~/.config/ttsflow/policies."""
    return user_folder() / "policies"


@dataclass(frozen=True, slots=True)
class PolicyFiles:
    """Finds what `--policy` names. The current folder is never searched: a file may name code."""

    user: Path

    def layer(self, policy: str) -> Layer:
        """The layer for a path, for the name of a policy file, or for the name of a policy plugin.

        If no file has the name, it is used as the name of a plugin. Raises ConfigError.
        """
        if policy.endswith(".py"):
            raise ConfigError(
                f"--policy: {policy!r} is code; it is given by --plugins-dir, or by `plugins` of a "
                "configuration, and --policy names the policy that it has"
            )
        if is_path(policy):
            return file_layer(Path(policy), policy)
        if not _NAME.fullmatch(policy):
            raise ConfigError(f"--policy: {policy!r} is not a name of letters, digits, - and _, nor a path")
        mine = self.user / f"{policy}.yaml"
        if mine in self._own():
            return file_layer(mine, str(mine))
        shipped = resources.files("ttsflow.policies") / f"{policy}.yaml"
        if shipped.is_file():
            return file_layer(shipped, f"policies/{policy}.yaml (shipped)")
        origin = Origin("--policy")
        return Layer({"policy": {"use": policy}}, {("policy",): origin, ("policy", "use"): origin})

    def names(self) -> list[str]:
        """The policy files that a name finds."""
        files = [*resources.files("ttsflow.policies").iterdir(), *self._own()]
        names = (file.name.removesuffix(".yaml") for file in files if file.name.endswith(".yaml"))
        return sorted({name for name in names if _NAME.fullmatch(name)})

    def _own(self) -> list[Path]:
        try:
            return list(self.user.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise ConfigError(f"{self.user} cannot be read: {error.strerror}") from None


def is_path(policy: str) -> bool:
    """Whether `--policy` was given a path and not a name."""
    return any(sign in policy for sign in "/\\") or policy.lower().endswith((".yaml", ".yml"))
