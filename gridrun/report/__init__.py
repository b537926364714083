"""What a run reports: tables, plan, status, attempts; for commands, run, the API and tools.

For ``run``, ``tools``, the API and the commands; it reads the ledger and writes below ``results``.
"""
