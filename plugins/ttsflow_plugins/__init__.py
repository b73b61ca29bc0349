"""The built-in policies and backends; they use only what `ttsflow` exports to everybody."""
