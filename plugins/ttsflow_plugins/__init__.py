"""The built-in policies and backends. They import only the public names of `ttsflow`."""
