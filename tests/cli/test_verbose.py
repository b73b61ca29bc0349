"""--verbose: what is decided, and why."""

from __future__ import annotations

from tests.cli.program import ONE_WORKER, Program, paragraphs, sim


def test_choices_workers_and_failures_are_explained(program: Program) -> None:
    faults = sim(slots=1, faults="[{text: part 2 of, kind: die, times: 1}]", state_dir="state")
    (program.folder / "state").mkdir()
    said = program("run", "--text", paragraphs(3), "-v", *ONE_WORKER, *faults).err
    for line in (
        "ttsflow: device cpu: cpu",
        "ttsflow: policy sequential with its defaults",
        "ttsflow: backend sim with {",
        "ttsflow: worker w0#1 is ready on cpu, chunks at a time: 1; loaded in ",
        "ttsflow: chunk 1, take 0 on w0: died: killed by signal 9 (SIGKILL)",
        "ttsflow: worker w0#1 on cpu is lost: killed by signal 9 (SIGKILL)",
        "ttsflow: worker w0#2 is ready on cpu",
    ):
        assert line in said
    assert "3 submitted, 3 delivered, 0 failed" in said


def test_without_it_only_what_matters_is_said(program: Program) -> None:
    said = program("run", "--text", paragraphs(3), *ONE_WORKER, *sim()).err
    assert "device cpu" not in said
    assert "is ready" not in said
