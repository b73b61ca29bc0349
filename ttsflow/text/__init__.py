"""Text: reads an input into blocks, and cuts the blocks into chunks. A chunk is spoken in one go."""

from ttsflow.text.blocks import NARRATOR, Block, Role
from ttsflow.text.chapters import ChapterText, beginning, chapters_of, only
from ttsflow.text.chunker import Chunk, Pauses, cut, halve
from ttsflow.text.coming import Coming
from ttsflow.text.cutting import Flush
from ttsflow.text.document import Details, Document, Identity
from ttsflow.text.live import LiveCutter
from ttsflow.text.options import MarkdownOptions, ReadOptions
from ttsflow.text.ramp import Ascent, Ramp, usual_rate
from ttsflow.text.sentences import load_rules
from ttsflow.text.sources import pulled, read_coming, read_file, read_stream, read_text
from ttsflow.text.stops import CutRules

__all__ = [
    "NARRATOR",
    "Ascent",
    "Block",
    "ChapterText",
    "Chunk",
    "Coming",
    "CutRules",
    "Details",
    "Document",
    "Flush",
    "Identity",
    "LiveCutter",
    "MarkdownOptions",
    "Pauses",
    "Ramp",
    "ReadOptions",
    "Role",
    "beginning",
    "chapters_of",
    "cut",
    "halve",
    "load_rules",
    "only",
    "pulled",
    "read_coming",
    "read_file",
    "read_stream",
    "read_text",
    "usual_rate",
]
