"""Where sentences end."""

from ttsflow.text.sentences.ends import LOOKAHEAD, sentence_ends
from ttsflow.text.sentences.srx import load_rules

__all__ = ["LOOKAHEAD", "load_rules", "sentence_ends"]
