"""Measurements, as ratios side by side in one run: `python -m tests.benchmarks` from the project's root.

None of them is a test: a ratio above its bound is marked in the table, and fails nothing.
"""
