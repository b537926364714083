"""A loopback Azure ML for tests; see README.md beside this file."""

from .proxy import Proxy
from .service import Service
from .state import Run, Settings, Sweep, WorkspaceNames

__all__ = ["Proxy", "Run", "Service", "Settings", "Sweep", "WorkspaceNames"]
