"""What a Ray of this machine alone starts for nobody, and has no option for: left out.

Beside its server, its scheduler and its workers, Ray starts Python processes that each load Ray
anew: more CPU time than all the rest of its start. The ray module is handed in.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

_NOT_STARTED = ("start_monitor", "start_log_monitor", "start_api_server")
"""Ray's autoscaler, copier of logs and dashboard."""

_KNOWN = ("2.60.",)
"""Releases whose scheduler is known to run without agents; any other one starts its own."""

_NO_SERVICE = "-1"
_ALONE = {
    # The scheduler ends with either agent, so something has to run: it ends with the scheduler,
    # whose end closes its input (``WITHOUT_AGENTS``).
    "--dashboard_agent_command": "cat",
    "--runtime_env_agent_command": "cat",
    # Ports that an agent would have named; the scheduler waits for none that it is given.
    "--dashboard_agent_listen_port": _NO_SERVICE,
    "--metrics-agent-port": _NO_SERVICE,
    "--metrics_export_port": _NO_SERVICE,
    # Asked only for a worker with packages of its own, of which there are none here.
    "--runtime_env_agent_port": "1",
}
"""Options of the scheduler in place of its agents, for the dashboard and runtime environments."""

_WORKER_COMMAND = "--python_worker_command"
_SET_UP = Path("_private", "workers", "setup_worker.py")
"""Of Ray: loads Ray to learn that there is nothing to set up, and starts the worker."""

WITHOUT_AGENTS = {"RAY_enable_pipe_based_agent_to_parent_health_check": "1"}
"""Variable by which an agent's input ends with the scheduler."""


def leave_out(ray: Any) -> None:
    """Have ``ray.init`` start in this process what gridrun has a use for, as far as is known how.

    Args:
        ray: The module.
    """
    with contextlib.suppress(AttributeError):  # a release without them starts what it wants
        node = ray._private.node.Node  # noqa: SLF001 - there is no public way
        for name in _NOT_STARTED:
            setattr(node, name, _do_nothing)
    if str(getattr(ray, "__version__", "")).startswith(_KNOWN):
        services = ray._private.services  # noqa: SLF001 - as above
        set_up = Path(ray.__file__).parent / _SET_UP
        services.start_ray_process = _alone(services.start_ray_process, str(set_up))


def _alone(start: Callable[..., Any], set_up: str) -> Callable[..., Any]:
    """Ray's function that starts a process, changed for the scheduler."""

    def start_process(command: list[str], process_type: str, **how: Any) -> Any:
        if process_type == "raylet":
            left = [word for word in command if word.partition("=")[0] not in _ALONE]
            ours = str(Path(__file__).with_name("_ray_worker.py"))
            command = [
                *(w.replace(set_up, ours) if w.startswith(_WORKER_COMMAND) else w for w in left),
                *(f"{name}={value}" for name, value in _ALONE.items()),
            ]
        return start(command, process_type, **how)

    return start_process


def _do_nothing(*_: Any, **__: Any) -> None:
    """In place of a start."""
