"""The crash loop: the program on a real text, killed at any moment and started again until it is through.

`python -m tests.crash_loop --kills 300 --text FILE`, from the project's root, on Linux.
"""
