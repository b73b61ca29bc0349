"""The heart: which chunk runs where and when, as a state machine without I/O.

Nothing is imported here: a worker, which needs only `messages`, starts in half the time without the rest.
"""
