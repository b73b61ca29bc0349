"""The decisions of a policy in a process of its own, in which strings hash otherwise.

As a program it takes a recipe from its standard input and prints the decisions.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Sequence

from ttsflow.errors import PluginError
from ttsflow.interface.options import PluginOptions
from ttsflow.interface.policy import Policy
from ttsflow.registry import Boundary, Plugin, Provider
from ttsflow.registry.offers import offer_of
from ttsflow.testing.policies.subject import decisions

BEGIN = "decisions follow"
"""a line before them: a plugin may print when it is imported"""


def decisions_elsewhere(plugin: Plugin[Policy], options: PluginOptions, limit_s: float) -> Sequence[str]:
    """The lines of `decisions` in another process. Raises PluginError where there are none in time."""
    provider = plugin.provider
    recipe = sys.path, plugin.name, provider.module, provider.path, options.model_dump_json()
    try:
        process = subprocess.run(
            [sys.executable, "-P", "-m", "ttsflow.testing.policies.elsewhere"],
            input=pickle.dumps(recipe),
            env=os.environ | {"PYTHONHASHSEED": "4711"},
            capture_output=True,
            timeout=limit_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise PluginError(f"another process has not decided within {limit_s:.0f} s") from error
    said = process.stdout.decode("utf-8", "replace").splitlines()
    if process.returncode or BEGIN not in said:
        last = process.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise PluginError(f"another process cannot use the policy: {last}")
    return said[said.index(BEGIN) + 1 :]


def main() -> None:
    """Take a recipe, and print the decisions."""
    sys.path[:], name, module, path, options = pickle.load(sys.stdin.buffer)
    provider = Provider("file" if path else "package", str(path or module), module, path)
    cls = next(cls for cls in offer_of(provider, Boundary()).of(Policy) if cls.name == name)
    made = cls.Options.model_validate_json(options)
    lines = decisions(lambda: cls(made))
    sys.stdout.write("\n".join([BEGIN, *lines]) + "\n")


if __name__ == "__main__":
    main()
