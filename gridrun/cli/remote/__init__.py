"""Commands of whatever is sent away: send, status, logs, collect, cancel; for backends.

``remote_commands`` makes the command group of a backend; its package registers it under
the entry point group ``gridrun.commands``.
"""

from gridrun.cli.remote._commands import collect_command, remote_commands
from gridrun.cli.remote._words import Remote

__all__ = ["Remote", "collect_command", "remote_commands"]
