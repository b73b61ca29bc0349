"""The version of ttsflow, and that of its public interface."""

__version__ = "0.1.0"

API_VERSION = (1, 1)
"""The version of the public interface: the first number grows when what worked may work no longer, the second
when something is added. A plugin that was written for (1, 0) works with (1, 1)."""
