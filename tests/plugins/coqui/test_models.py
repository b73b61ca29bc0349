"""What is known of a model of coqui-tts before torch is there: its files, its configuration, its licence."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.fakes.fake_hub import FakeHub
from ttsflow import BackendUnavailable, UnknownNameError, UsageError, VoiceRequest
from ttsflow_plugins.coqui import Coqui

GERMAN = "tts_models/de/thorsten/tacotron2-DDC"
VOCODER = "vocoder_models/de/thorsten/hifigan_v1"
DOWNLOAD = """
import json, os, sys
from pathlib import Path

folder = Path(sys.argv[2], "tts", sys.argv[1].replace("/", "--"))
folder.mkdir(parents=True)
config = {"model": "vits", "audio": {"sample_rate": 22050}, "speakers_file": str(folder / "speakers.json")}
for name in os.environ["LEFT"].split():
    (folder / name).write_text(json.dumps(config))
print(folder)
"""
"""leaves what upstream's downloader does, without a network"""

AUDIO = {"audio": {"sample_rate": 22_050}}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where coqui-tts keeps its models."""
    monkeypatch.setenv("TTS_HOME", str(tmp_path))
    return tmp_path / "tts"


def written(folder: Path, **config: object) -> Path:
    """A folder of a model whose checkpoint is none."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"model": "vits"} | AUDIO | config))
    (folder / "model.pth").write_bytes(b"weights")
    return folder


def of(folder: Path, **options: object) -> Coqui.Options:
    return Coqui.Options.model_validate({"model_dir": folder} | options)


@pytest.mark.parametrize(
    ("config", "languages"),
    [
        ({}, None),
        ({"phoneme_language": "en-us"}, ("en-us",)),
        ({"phoneme_language": "de", "datasets": [{"language": ""}, {"language": "fr"}]}, ("fr",)),
        ({"languages": ["en", "pt-br"], "phoneme_language": "de"}, ("en", "pt-br")),
    ],
)
def test_languages(tmp_path: Path, config: dict[str, object], languages: tuple[str, ...] | None) -> None:
    folder = written(tmp_path / "one", **config)
    assert Coqui.describe(of(folder)).languages == languages
    assert Coqui.describe(of(folder, language="ca")).languages == ("ca",)


def test_several_languages_and_speakers_of_files(tmp_path: Path) -> None:
    """As YourTTS has them: the paths are those of the machine where it was trained."""
    args = {
        "use_language_embedding": True, "language_ids_file": "/train/language_ids.json",
        "use_d_vector_file": True, "d_vector_file": ["/train/speakers.json"],
        "speaker_encoder_model_path": "/train/model_se.pth",
    }  # fmt: skip
    folder = written(tmp_path / "your", model_args=args)
    (folder / "language_ids.json").write_text('{"en": 0, "fr-fr": 1}')
    (folder / "speakers.json").write_text(
        '{"a1": {"name": "ann"}, "a2": {"name": "ann"}, "b": {"name": "bob"}}'
    )
    options = of(folder)
    assert Coqui.describe(options).languages == ("en", "fr-fr")
    assert [voice.name for voice in Coqui.voices(options)] == ["ann", "bob"]
    Coqui.check(VoiceRequest(references=("me.wav",)), options)
    with pytest.raises(UsageError, match="takes no reference audio"):
        Coqui.check(VoiceRequest(references=("me.wav",)), of(written(tmp_path / "plain")))


def test_the_rate_is_that_of_the_vocoder(tmp_path: Path) -> None:
    model = written(tmp_path / "one", model="tacotron2")
    vocoder = written(tmp_path / "two", model="hifigan", audio={"sample_rate": 44_100})
    assert Coqui.describe(of(model)).sample_rate == 22_050
    assert Coqui.describe(of(model, vocoder_dir=vocoder)).sample_rate == 44_100
    out = written(tmp_path / "three", audio={"sample_rate": 22_050, "output_sample_rate": 24_000})
    assert Coqui.describe(of(out)).sample_rate == 24_000


def test_a_configuration_with_comments(tmp_path: Path) -> None:
    folder = written(tmp_path / "one")
    text = (
        '{\n  // which\n  "model": "vits", // it is\n  "u": "http://a",\n  "audio": {"sample_rate": 16000}}'
    )
    (folder / "config.json").write_text(text)
    assert Coqui.describe(of(folder)).sample_rate == 16_000


class TestByName:
    def test_nothing_is_downloaded_unasked(self, home: Path) -> None:
        options = Coqui.Options(model=GERMAN)
        assert Coqui.describe(options).languages == ("de",)
        assert Coqui.voices(options) == []
        with pytest.raises(
            BackendUnavailable, match=r"unasked.* licence apache 2\.0\. Start a run at a terminal"
        ):
            Coqui.prepare(options, None)
        asked: list[str] = []
        with pytest.raises(BackendUnavailable, match="cannot be used without its licence"):
            Coqui.prepare(options, lambda question: bool(asked.append(question)))
        assert asked == [
            f"{GERMAN} is under the licence apache 2.0.\nDo you agree to it, and may it be downloaded?"
        ]
        assert not home.exists()

    def test_each_part_is_asked_for(self, home: Path) -> None:
        written(home / GERMAN.replace("/", "--"), model="tacotron2")
        with pytest.raises(BackendUnavailable, match=f"{VOCODER} is not on this machine"):
            Coqui.prepare(Coqui.Options(model=GERMAN), None)
        written(home / VOCODER.replace("/", "--"), audio={"sample_rate": 24_000})
        Coqui.prepare(Coqui.Options(model=GERMAN), None)
        assert Coqui.describe(Coqui.Options(model=GERMAN)).sample_rate == 24_000

    def test_a_model_of_meta(self, home: Path) -> None:
        name = "tts_models/swh/fairseq/vits"
        with pytest.raises(BackendUnavailable, match=r"licence CC BY-NC 4\.0"):
            Coqui.prepare(Coqui.Options(model=name), None)
        folder = written(home / name.replace("/", "--"), data={"sampling_rate": 16_000}, train={})
        profile = Coqui.describe(Coqui.Options(model=name))
        assert (profile.sample_rate, profile.languages) == (16_000, ("swh",))
        moved = folder.rename(home / "swahili")
        with pytest.raises(BackendUnavailable, match="put `fairseq` into the folder's name"):
            Coqui.describe(of(moved))

    def test_an_unknown_name(self) -> None:
        with pytest.raises(UnknownNameError, match="did you mean 'tts_models/de/thorsten/vits'"):
            Coqui.describe(Coqui.Options(model="tts_models/de/torsten/vits"))
        with pytest.raises(BackendUnavailable, match=r"backend\.use: xtts"):
            Coqui.describe(Coqui.Options(model="tts_models/multilingual/multi-dataset/xtts_v2"))

    @pytest.mark.parametrize("left", ["", "config.json", "model.pth config.json"])
    def test_a_download_that_fails_leaves_nothing(
        self, left: str, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        script = DOWNLOAD + "sys.exit('connection lost')"
        monkeypatch.setattr("ttsflow_plugins.coqui.catalogue.DOWNLOAD", script)
        monkeypatch.setenv("LEFT", left)
        for _ in range(2):
            with pytest.raises(
                BackendUnavailable, match=f"cannot download {GERMAN}: connection lost. Check the network"
            ):
                Coqui.prepare(Coqui.Options(model=GERMAN), lambda question: True)
            assert list(home.iterdir()) == []

    def test_a_download_is_moved_to_its_place(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("ttsflow_plugins.coqui.catalogue.DOWNLOAD", DOWNLOAD)
        monkeypatch.setenv("LEFT", "config.json model.pth")
        asked: list[str] = []
        for _ in range(2):
            Coqui.prepare(Coqui.Options(model=GERMAN), lambda question: not asked.append(question))
        assert len(asked) == 2  # the model and its vocoder, once
        folder = home / GERMAN.replace("/", "--")
        assert json.loads((folder / "config.json").read_text())["speakers_file"] == f"{folder}/speakers.json"
        assert sorted(path.name for path in home.iterdir()) == sorted(
            name.replace("/", "--") for name in (GERMAN, VOCODER)
        )

    def test_a_model_of_the_hub(self, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Through upstream's own downloader, which leaves it in the cache of huggingface_hub."""
        name = "tts_models/sr/custom/vits"
        published = written(tmp_path / "published", speakers_file="/train/speaker_ids.json")
        (published / "speaker_ids.json").write_text('{"ana": 0}')
        with FakeHub(published, "daremc86/sr-cv-vits") as hub:
            monkeypatch.setenv("HF_ENDPOINT", hub.url)
            monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
            Coqui.prepare(Coqui.Options(model=name), lambda question: True)
        shutil.rmtree(tmp_path / "hub")
        folder = home / name.replace("/", "--")
        assert (
            json.loads((folder / "config.json").read_text())["speakers_file"] == f"{folder}/speaker_ids.json"
        )
        assert (folder / "model.pth").read_bytes() == b"weights"
        assert [path.name for path in home.iterdir()] == [folder.name]

    def test_a_place_that_takes_nothing(self, home: Path) -> None:
        home.write_text("no folder")
        with pytest.raises(BackendUnavailable, match=f"{GERMAN} cannot be kept in {home} .*set TTS_HOME"):
            Coqui.prepare(Coqui.Options(model=GERMAN), lambda question: True)

    def test_nothing_of_the_current_folder_is_run(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "stray.py").write_text("raise SystemExit('run')")
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr("ttsflow_plugins.coqui.catalogue.DOWNLOAD", "import stray")
        with pytest.raises(BackendUnavailable, match="No module named 'stray'"):
            Coqui.prepare(Coqui.Options(model=GERMAN), lambda question: True)


@pytest.mark.parametrize(
    ("gone", "says"),
    [
        ("config.json", "half a model: there is no .*config.json"),
        ("model.pth", "half a model: .* no checkpoint"),
        ("", "there is no folder .*none"),
    ],
)
def test_half_a_model(tmp_path: Path, gone: str, says: str) -> None:
    folder = written(tmp_path / "half")
    if gone:
        (folder / gone).unlink()
    with pytest.raises(BackendUnavailable, match=says):
        Coqui.prepare(of(folder if gone else tmp_path / "none"), None)


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ("{", "cannot be read"),
        ("[]", "is no configuration of coqui-tts"),
        ("{}", r"no configuration of a model of coqui-tts \(KeyError\('model'\)\)"),
        ('{"model": "vits"}', r"KeyError\('audio'\)"),
        ('{"model": "xtts"}', "backend.use: xtts"),
    ],
)
def test_a_configuration_that_is_none(tmp_path: Path, config: str, says: str) -> None:
    folder = written(tmp_path / "one")
    (folder / "config.json").write_text(config)
    with pytest.raises(BackendUnavailable, match=says):
        Coqui.describe(of(folder))


def test_several_checkpoints(tmp_path: Path) -> None:
    folder = written(tmp_path / "many")
    (folder / "model.pth").rename(folder / "checkpoint_1000.pth")
    (folder / "checkpoint_2000.pth").write_bytes(b"more")
    with pytest.raises(
        BackendUnavailable, match=r"several checkpoints \(checkpoint_1000.pth, checkpoint_2000.pth\)"
    ):
        Coqui.describe(of(folder))
    one = Coqui.identity(of(folder / "checkpoint_1000.pth"))
    assert one != Coqui.identity(of(folder / "checkpoint_2000.pth"))
    assert one == Coqui.identity(of(folder / "checkpoint_1000.pth", threads=2, language="en"))


def test_one_of_both_is_named() -> None:
    for options in ({}, {"model": GERMAN, "model_dir": "x"}):
        with pytest.raises(ValidationError, match="needs either `model`, a name, or `model_dir`, a folder"):
            Coqui.Options.model_validate(options)
