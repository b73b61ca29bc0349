"""A policy that finds, while a book is spoken, that more workers would help."""

from __future__ import annotations

from tests.cli.program import Program, paragraphs, sim

GROWING = """
from ttsflow import Policy, WorkerSpec, hookimpl

class Growing(Policy):
    '''One worker, and two from the tenth chunk on.'''
    name = "growing"
    started = 0
    def place(self, devices, profile):
        return [WorkerSpec(devices[0]) for _ in range(1 if self.started < 10 else 2)]
    def dispatch(self, view):
        for pair in super().dispatch(view):
            yield pair
            self.started += 1
        if self.started >= 10 and len(view.workers) < 2:
            view.place_again()

@hookimpl
def ttsflow_policies():
    return [Growing]
"""


def test_it_gets_them_and_nothing_is_lost(program: Program) -> None:
    program.write("mine/growing.py", GROWING)
    program.write("book.txt", paragraphs(60))
    run = ("book.txt", "--plugins-dir", "mine", "--policy", "growing", *sim(chunk_s=0.4))
    report = program.report(*run)
    assert [worker["worker"] for worker in report["workers"]] == ["w0", "w1"]
    assert report["summary"]["delivered"] == len(report["chunks"]) == 60
    assert all(chunk["attempts"] == 1 for chunk in report["chunks"])
    assert {chunk["worker"] for chunk in report["chunks"]} == {"w0", "w1"}
    assert report["workers"][1]["ready_s"] >= 10.0, "a placement stays for ten seconds"
