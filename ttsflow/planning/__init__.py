"""Planning: what a policy would make of a real text on devices that need not be there."""

from ttsflow.planning.crowd import Served
from ttsflow.planning.network import Load, Network
from ttsflow.planning.plan import Plan, compare, compare_crowds, predict
from ttsflow.planning.play import Played, play
from ttsflow.planning.replay import RecordedText, replayed
from ttsflow.planning.text import PlannedText
from ttsflow.planning.world import World, world_of

__all__ = [
    "Load",
    "Network",
    "Plan",
    "PlannedText",
    "Played",
    "RecordedText",
    "Served",
    "World",
    "compare",
    "compare_crowds",
    "play",
    "predict",
    "replayed",
    "world_of",
]
