"""Ray's environment variables: our own choice, and what lets a driver into a running cluster."""

from __future__ import annotations

from collections.abc import Mapping

from backends.local._needless import WITHOUT_AGENTS

_RAYS = "RAY_"
_SECRETS = ("RAY_AUTH_", "RAY_TLS_", "RAY_USE_TLS")
"""How the names begin of variables that let a driver into a cluster."""

_QUIET = {"RAY_USAGE_STATS_ENABLED": "0"}
_LOOPBACK = {
    # Ray takes "no cluster of several machines" for leave to use loopback alone, and then
    # asks no server on the internet for the machine's own address
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
}
_OWN = {
    **_LOOPBACK,
    **WITHOUT_AGENTS,
    "RAY_enable_worker_prestart": "0",  # idle processes outlive a killed driver by a minute
    "RAY_prestart_worker_first_driver": "0",
    "RAY_memory_monitor_refresh_ms": "0",  # the kernel names the process, Ray only the node
    "RAY_gcs_rpc_server_reconnect_timeout_s": "10",  # a Ray of one machine does not come back
    "RAY_AUTH_MODE": "token",
}


def rays_environment(
    environment: Mapping[str, str], token: str, *, is_own: bool, on_loopback: bool = False
) -> dict[str, str]:
    """The environment for Ray, without what the user has set for other uses of Ray.

    Args:
        environment: The one that gridrun was started with.
        token: Secret of a Ray of our own.
        is_own: Whether a Ray of our own is started, not a running cluster joined.
        on_loopback: Whether the cluster to be joined answers on loopback alone.
    """
    kept = () if is_own else _SECRETS
    rest = {
        name: value
        for name, value in environment.items()
        if not name.startswith(_RAYS) or name.startswith(kept)
    }
    own = {**_OWN, "RAY_AUTH_TOKEN": token} if is_own else {}
    if on_loopback:
        own.update(_LOOPBACK)
    return {**rest, **_QUIET, **own}
