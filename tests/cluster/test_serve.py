"""The speech server, whose workers are on the nodes of a cluster."""

from __future__ import annotations

import psutil

from tests.cli.program import Program, sim
from tests.cluster.nodes import Nodes, actors, workers
from tests.server.world import Server


def test_the_server_speaks_through_the_cluster_and_outlives_an_actor(program: Program, nodes: Nodes) -> None:
    engine = sim(device="cuda", chunk_s=0.2)
    server = Server.start(program, "--cluster", nodes.address, *engine)
    assert "devices alpha/cuda:0, alpha/cuda:1, beta/cuda:0, beta/cuda:1" in server.said
    first = server.speak("Good night.", response_format="pcm")
    assert first.status_code == 200
    for actor in actors()[:2]:
        actor.kill()
    second = server.speak("Good night.", response_format="pcm")
    assert second.status_code == 200
    assert second.content == first.content
    server.end()
    psutil.wait_procs([*actors(), *workers()])
