"""Words behind a quotation that tell who said it: they belong to the quotation's sentence.

Only those with a capital matter here, for what goes on in lower case is no new sentence anyway. Languages
other than English put the verb first there, in lower case: „Ach!“ sagte Peter. Japanese, which has no case,
puts a particle there: 「行く。」と言った。
"""

# ruff: noqa: RUF001  # quotation marks look like Latin apostrophes

from __future__ import annotations

import re

from ttsflow.text.sentences.openers import opens_sentence

_QUOTED = re.compile(r"[!?…][”’\"']+\Z")
_JAPANESE_QUOTED = ("」", "』", "”", "）")
_VERBS = (
    "said says asked answered replied cried shouted called whispered murmured muttered exclaimed yelled "
    "screamed snapped sighed laughed growled groaned gasped repeated continued added began went thought "
    "demanded inquired enquired interrupted"
)
_NAME = r"(?:(?:Mr|Mrs|Ms|Dr|Prof|Capt|St)\. )?[A-Z][\w’'-]+(?: [A-Z][\w’'-]+){0,2}"
_TAG = re.compile(rf"(?:I|{_NAME}) (?:{_VERBS.replace(' ', '|')})\b(?! no)")  # "said nothing"

_PARTICLE = re.compile(
    r"と(?!ても|っても|うとう|ころ|にかく|もかく|きどき|きに|りあえず|つぜん|んでも|なり|もだち)|って|を|など|なんて"
)
"""what a Japanese sentence goes on with behind a quotation; とても and others rather begin the next one"""


def is_tag(before: str, after: str, code: str) -> bool:
    """Whether `after` tells who said the exclamation or question at the end of `before`."""
    if code == "ja":
        return before.endswith(_JAPANESE_QUOTED) and _PARTICLE.match(after) is not None
    return (
        code == "en"
        and bool(_QUOTED.search(before))
        and bool(_TAG.match(after))
        and (after.startswith("I ") or not opens_sentence(after, code))
    )
