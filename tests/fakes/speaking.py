"""A program that speaks: a tone for each text, as a WAV, as raw samples or into a file, or what is wrong.

python -IS speaking.py [--text TEXT | --read FILE] [--raw | --write FILE] [--voice V] [--seed N] [--speed X]
"""

import argparse
import io
import os
import signal
import sys
import time
import wave
import zlib
from pathlib import Path

RATE = 16_000


def tone(text: str, voice: str, seed: int, speed: float) -> bytes:
    """16 bits at 16 kHz, a fifteenth of a second for each character: a square whose pitch is the text's."""
    half = 20 + zlib.crc32(f"{text}/{voice}/{seed}".encode()) % 60
    wave_of = half * b"\x00\x20" + half * b"\x00\xe0"
    samples = int(len(text) * RATE / 15 / speed)
    return (wave_of * (samples // (2 * half) + 1))[: 2 * samples]


def as_wav(pcm: bytes, rate: int = RATE) -> bytes:
    """The same with a header."""
    held = io.BytesIO()
    with wave.open(held, "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(pcm)
    return held.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("text", "read", "write", "wrong"):
        parser.add_argument(f"--{name}")
    parser.add_argument("--raw", action="store_true")
    parser.add_argument("--voice", default="")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--speed", type=float, default=1.0)
    asked = parser.parse_args()
    out = sys.stdout.buffer
    if asked.text is not None:
        text = asked.text
    elif asked.read is not None:
        text = Path(asked.read).read_text("utf-8")
    elif asked.wrong == "reads nothing":
        text = "Always the same."
    else:
        text = sys.stdin.buffer.read().decode("utf-8")
    print("speaking", len(text), "characters", file=sys.stderr)
    match asked.wrong:
        case "fails":
            sys.exit("no such voice \x1b[31m: zoé")
        case "dies":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "says nothing":
            return
        case "says words":
            out.write(b"usage: speaking TEXT")
            return
        case "ignores its end":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            out.write(as_wav(tone(text, "", 0, 1.0)))
            out.flush()
            time.sleep(3_600)
        case "writes for ever":
            with open(asked.write, "wb") if asked.write else out as to:  # noqa: PTH123
                to.write(as_wav(b"")[:40] + b"\xff" * 4)
                while True:
                    to.write(tone("x" * 150, "", 0, 1.0))
        case "complains for ever":
            while True:
                sys.stderr.write("not now\n")
        case "half":
            out.write(as_wav(tone(text, "", 0, 1.0))[:-1_000])
            return
        case "another rate":
            out.write(as_wav(tone(text, "", 0, 1.0), 8_000))
            return
    pcm = tone(text, asked.voice, asked.seed, asked.speed)
    if asked.write is not None:
        if asked.wrong != "writes no file":
            Path(asked.write).write_bytes(as_wav(pcm))
    else:
        out.write(pcm if asked.raw else as_wav(pcm))


if __name__ == "__main__":
    main()
