"""The speech server: answers programs that speak OpenAI's protocol, with the engine's workers."""
