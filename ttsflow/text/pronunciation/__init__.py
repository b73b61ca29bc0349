"""How words are spoken that an engine would not speak as they are meant: patterns, and lexicons."""

from ttsflow.text.pronunciation.files import read_lexicon
from ttsflow.text.pronunciation.lexicon import Entry, Lexicon
from ttsflow.text.pronunciation.patterns import NAMED, Pattern
from ttsflow.text.pronunciation.pronouncing import Pronunciation

__all__ = ["NAMED", "Entry", "Lexicon", "Pattern", "Pronunciation", "read_lexicon"]
