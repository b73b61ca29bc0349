"""The command line. Only click is imported here: everything else waits until a command runs."""

from __future__ import annotations

import gc
import logging
import os
import sys
from pathlib import Path
from typing import Any

import click

from ttsflow.cli.flags import in_flags
from ttsflow.cli.signals import end_for_sure, exit_code
from ttsflow.cli.stdout import is_aside, set_aside
from ttsflow.errors import TtsflowError, Unforeseen
from ttsflow.version import __version__

READER_GONE = 141  # 128 + SIGPIPE

COLLECT_AFTER = 50_000
"""objects that are more than before when Python next looks for unused cycles of them. With its own 700 it
looks through what was imported and what waits so often that a short run takes an eighth longer."""


class _Program(click.Group):
    """A group whose commands end in an exit code and a message, never in a traceback."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        _replace_closed_streams()
        set_aside()
        if is_aside():  # else this is a part of another program
            gc.set_threshold(COLLECT_AFTER)
        try:
            return super().main(*args, **kwargs)
        except SystemExit as end:
            if is_aside():
                end_for_sure(end.code)
            raise

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except TtsflowError as error:
            command = self.get_command(ctx, ctx.invoked_subcommand or "")
            click.echo(f"ttsflow: error: {in_flags(str(error), command)}", err=True)
            ctx.exit(error.exit_code)
        except BrokenPipeError:  # the reader of standard output has left: `ttsflow voices | head -1`
            sys.stdout = None  # nothing is left to flush at exit
            ctx.exit(READER_GONE)
        except OSError as error:  # what nobody foresaw, such as a full disk under `ttsflow voices > FILE`
            click.echo(f"ttsflow: error: {_lost_folder() or error}", err=True)
            sys.stdout = None
            ctx.exit(1)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:  # a bug, or a lack of memory
            logging.getLogger(__name__).debug("unforeseen", exc_info=True)
            click.echo(f"ttsflow: error: {Unforeseen.of(error, 'the program')}", err=True)
            ctx.exit(Unforeseen.exit_code)
        except KeyboardInterrupt as stop:
            click.echo("ttsflow: interrupted", err=True)
            ctx.exit(exit_code(stop))


def _lost_folder() -> str | None:
    """What to say where the working folder was removed."""
    try:
        Path.cwd()
    except FileNotFoundError:
        folder = os.environ.get("PWD", "the working folder")
        return f"{folder} was removed: go to a folder that is there, or name files by their full paths"
    return None


def _replace_closed_streams() -> None:
    """Keep the number of a standard stream that is closed (`<&-`) from the next file that is opened."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115  # open for as long as the process


@click.group(cls=_Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ttsflow")
def main() -> None:
    """Speak texts of any length with the TTS engine and the scheduling policy of your choice.

    \b
    Start here:
      ttsflow run --text "Hello there." -o hello.wav
      ttsflow run book.txt -o book.wav
      ttsflow run book.txt -o - | aplay
    """


def _add_commands() -> None:
    from ttsflow.cli.bench import bench
    from ttsflow.cli.chapters import chapters
    from ttsflow.cli.check import check
    from ttsflow.cli.config import config
    from ttsflow.cli.export import export
    from ttsflow.cli.inventory import backends, devices, plugins, policies, voices
    from ttsflow.cli.new import new
    from ttsflow.cli.outputs import clean, doubts, redo, status
    from ttsflow.cli.plan import plan
    from ttsflow.cli.run import run
    from ttsflow.cli.serve import serve

    for command in (run, serve, chapters, status, doubts, redo, export, clean, plan, bench, new, check):
        main.add_command(command)
    for command in (policies, backends, voices, plugins, devices, config):
        main.add_command(command)


_add_commands()
