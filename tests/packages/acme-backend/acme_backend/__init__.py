"""A TTS backend for ttsflow, in a package of its own."""
