"""Where sentences end."""

from ttsflow.text.sentences.ends import LOOKAHEAD, sentence_ends

__all__ = ["LOOKAHEAD", "sentence_ends"]
