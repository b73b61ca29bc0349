"""Workers on the nodes of a Ray cluster, behind the links that workers of this machine have.

Ray starts and ends things, and tells what there is: a process of its own, the driver, speaks with it. Audio
and jobs go past it, on a connection from each worker to the coordinator.
"""
