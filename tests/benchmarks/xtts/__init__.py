"""XTTS-v2 side by side with upstream: `python -m tests.benchmarks.xtts` from the project's root.

A command of its own: it takes most of an hour, and its sides are rows of a table, not ratios of two.
The model has its full size and random weights that never stop by themselves, so that every chunk has
exactly as many codes on every side.
"""
