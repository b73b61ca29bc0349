"""`ttsflow serve`: the speech server."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from importlib.util import find_spec

import click

from ttsflow.cli.options import Sources, cluster_option, configured, given
from ttsflow.cli.signals import end_on_signals


@click.command(short_help="Serve speech to programs, by OpenAI's protocol.")
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=int, help="Port to listen on; 0 is any that is free.  [default: 8880]")
@configured
@click.option("--backend", help="TTS engine; `ttsflow backends` lists them.")
@cluster_option
@click.option("--language", help="Language code of texts that say none.  [default: en]")
@click.option("--voice", help="Name of the voice of those who ask for none.")
@click.option("-v", "--verbose", is_flag=True, help="Print each request, and what workers say.")
def serve(
    host: str | None,
    port: int | None,
    sources: Sources,
    backend: str | None,
    cluster: str | None,
    language: str | None,
    voice: str | None,
    verbose: bool,
) -> None:
    """Answer POST /v1/audio/speech, as OpenAI's server does, with an engine of this machine.

    \b
    Examples:
      ttsflow serve
      ttsflow serve --backend espeak --port 9000
      ttsflow serve --host 0.0.0.0 --set server.api_keys_file=keys.txt

    Its address, backend, policy and devices are told when the workers are loaded. SIGTERM and Ctrl-C let
    running requests be finished first; a second one does not.

    Exit codes: 0 ended as asked, 1 requests were cut or no worker could be loaded, 2 usage or
    configuration.
    """
    from ttsflow.cli.speech import set_up_logging
    from ttsflow.errors import UsageError
    from ttsflow.interface.installation import install_command

    end_on_signals()  # until the server listens, which takes them otherwise

    if any(
        find_spec(module) is None
        for module in ("fastapi", "uvicorn", "websockets", "prometheus_client", "av")
    ):
        raise UsageError(f"the server is not installed: {install_command('server')}")
    set_up_logging(quiet=False, verbose=verbose)
    flags = given(
        host=("--host", "server.host", host),
        port=("--port", "server.port", port),
        backend=("--backend", "backend.use", backend),
        cluster=("--cluster", "cluster.address", cluster),
        language=("--language", "text.language", language),
        voice=("--voice", "text.voice", voice),
    )
    chosen = sources.settings(flags)
    from ttsflow.cli.server import run_server

    with redirect_stdout(sys.stderr):  # plugins print
        code = run_server(chosen, sources)
    if code:
        sys.exit(code)
