"""Planning: what a policy would make of a real text on devices that need not be there."""

from ttsflow.planning.plan import Plan, compare, predict
from ttsflow.planning.play import Played, play
from ttsflow.planning.world import World, jobs_of, world_of

__all__ = ["Plan", "Played", "World", "compare", "jobs_of", "play", "predict", "world_of"]
