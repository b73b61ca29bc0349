"""The cast of a text: the voice of each role in it, and how the text of the role is cut and pronounced."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from ttsflow.config import BackendChoice
from ttsflow.config.model import TextSection, VoiceSection
from ttsflow.errors import InputError, known_names
from ttsflow.interface.backend import VoiceRequest
from ttsflow.interface.profile import Profile
from ttsflow.registry import voices
from ttsflow.session.readings import Readings
from ttsflow.session.setup import spoken_language
from ttsflow.session.wording import TextRules
from ttsflow.text import NARRATOR, Chunk, CutRules, Document, Role
from ttsflow.text.languages import nearest
from ttsflow.text.pronunciation import NAMED, Entry, Lexicon, Pattern, Pronunciation, read_lexicon


class Cast:
    """The roles of a text that is spoken as `asked`, which has the backend's own tag of the language.

    A speaker has the voice of `text.speakers`; what a book says is in another language that of
    `text.languages`. Where they name no voice, the voice of the text speaks if it `speaks` the language, and
    so do its recordings; else it is the backend's usual voice. `notices` tell what a person should know of
    the files of the lexicon, which are not read again where `readings` have what was made of them. `rules`
    have the last word on how a text is spoken. Raises ConfigError for a file that cannot be read.
    """

    def __init__(
        self,
        asked: TextSection,
        profile: Profile,
        speaks: Callable[[str, str], bool] = lambda voice, language: False,
        readings: Readings | None = None,
        rules: TextRules | None = None,
    ) -> None:
        self.asked = asked
        self._profile = profile
        self._speaks = speaks
        self._tell: Callable[[str], object] = lambda notice: None
        self._voices: dict[Role, VoiceRequest] = {}
        self._rules: dict[str, CutRules] = {}
        said = asked.model_dump_json(include={"lexicon", "replace", *NAMED})
        self._pronunciation, self.notices = (readings or Readings()).get(
            ("pronunciation", said), asked.lexicon.paths, partial(_pronunciation, asked)
        )
        if rules:
            self._pronunciation = self._pronunciation.then(rules)

    def heed(self, tell: Callable[[str], object]) -> None:
        """Have `tell` called with what a person should know of a role, once it has something to say."""
        self._tell = tell

    def voice(self, role: Role) -> VoiceRequest:
        """Who speaks a role. Raises InputError for a speaker who has no voice."""
        if role not in self._voices:
            self._voices[role] = self._cast(role)
        return self._voices[role]

    def rules(self, role: Role) -> CutRules:
        """How the text of a role is cut. Raises InputError for a speaker who has no voice."""
        language = self.voice(role).language
        if language not in self._rules:
            self._rules[language] = rules_of(self.asked, self._profile, language)
        return self._rules[language]

    def spoken(self, chunk: Chunk) -> Iterator[Chunk]:
        """A chunk as it is spoken: several where its spoken form is too long for one."""
        return self._pronunciation.spoken(chunk, self.rules(chunk.role))

    @property
    def leaves_out(self) -> str:
        """What may leave out words, for a person."""
        asked = self.asked
        named = [f"`text.{name}: false`" for name in NAMED if not getattr(asked, name)]
        return " and ".join(
            ["`text.replace`"] * bool(asked.replace)
            + named
            + ["`text.lexicon`"] * (bool(asked.lexicon.words) or bool(asked.lexicon.paths))
            + ["`text.rules`"] * bool(asked.rules)
        )

    def voices(self) -> Iterator[tuple[str, VoiceRequest]]:
        """All voices that are configured, each with the key of the configuration that it comes from.

        Raises UnknownNameError for a language that the backend does not speak.
        """
        yield "text", self.voice(NARRATOR)
        for name in self.asked.speakers:
            yield f"text.speakers.{name}", self.voice(Role(name))
        for language, section in self.asked.languages.items():
            own = spoken_language(language, self._profile)
            yield f"text.languages.{language}", self._request(section, own)

    def check(self, document: Document) -> None:
        """Raise InputError for a speaker whom the text names and who has no voice."""
        for name, place in document.speakers.items():
            if name not in self.asked.speakers:
                raise InputError(f"{document.name}, {place}: {self._unknown(name)}")

    def _cast(self, role: Role) -> VoiceRequest:
        if role.speaker is None:
            return self._request(VoiceSection(), self._language(role.language))
        section = self.asked.speakers.get(role.speaker)
        if section is None:
            raise InputError(self._unknown(role.speaker))
        if section.language is not None:
            return self._request(section, spoken_language(section.language, self._profile))
        return self._request(section, self._language(role.language))

    def _request(self, section: VoiceSection, language: str) -> VoiceRequest:
        usual = self._usual(language)
        named = section if section.voice or section.references else usual
        speed = section.speed or usual.speed or self.asked.speed
        return VoiceRequest(language, named.voice, tuple(map(str, named.references)), speed)

    def _usual(self, language: str) -> VoiceSection | TextSection:
        """The voice of a language where nobody names another."""
        asked = self.asked
        if language == asked.language:
            return asked
        known = nearest(language, asked.languages)
        section = VoiceSection() if known is None else asked.languages[known]
        if section.voice or section.references:
            return section
        kept = asked.voice if asked.voice is None or self._speaks(asked.voice, language) else None
        return VoiceSection(voice=kept, reference=asked.reference, speed=section.speed)

    def _language(self, wanted: str | None) -> str:
        """The backend's own tag for what a part of the text is in; that of the text where it speaks none."""
        own, languages = self.asked.language, self._profile.languages
        if wanted is None or not self.asked.foreign or nearest(wanted, [own]) is not None:
            return own
        found = wanted if languages is None else nearest(wanted, languages)
        if found is None:
            self._tell(
                f"backend {self._profile.backend} does not speak {wanted!r}, in which some of the text is: "
                f"it is spoken as {own!r}"
            )
        return found or own

    def _unknown(self, speaker: str) -> str:
        known = f"; {known_names(speaker, self.asked.speakers)}" if self.asked.speakers else ""
        return (
            f"speaker {speaker!r} has no voice: give one as text.speakers.{speaker}, such as "
            f"{{voice: NAME}}{known}"
        )


def speaks(backend: BackendChoice, voice: str, language: str) -> bool:
    """Whether a voice of a backend speaks a language, as far as the backend tells."""
    offered = {known.name: known.languages for known in voices(backend.plugin, backend.options)}
    languages = offered.get(voice)
    return languages is not None and (not languages or nearest(language, languages) is not None)


def rules_of(asked: TextSection, profile: Profile, language: str | None = None) -> CutRules:
    """How long the chunks of a text may be for an engine, in the language of the text or another one."""
    language = asked.language if language is None else language
    cap = profile.cap(language)
    most = cap if asked.max_chars is None else min(cap, asked.max_chars)
    return CutRules(language, most, profile.min_chars)


def _pronunciation(asked: TextSection) -> tuple[Pronunciation, tuple[str, ...]]:
    """How words are pronounced, and notices of the lexicon's files."""
    entries, notices = _entries(asked)
    patterns = [Pattern(pattern) for name, pattern in NAMED.items() if not getattr(asked, name)]
    patterns += (section.compiled for section in asked.replace)
    return Pronunciation(Lexicon(entries), patterns), notices


def _entries(asked: TextSection) -> tuple[list[Entry], tuple[str, ...]]:
    """The entries of the lexicon, those that count more last, and notices of its files."""
    entries, notices = list[Entry](), list[str]()
    for path in asked.lexicon.paths:
        found, notice = read_lexicon(path)
        entries += found
        notices += () if notice is None else (notice,)
    for word, spoken in asked.lexicon.words.items():
        forms = {None: spoken} if isinstance(spoken, str) else spoken
        entries += (Entry(word, form, language) for language, form in forms.items())
    return entries, tuple(notices)
