"""What a run reports: tables, plan, status, attempts; for commands, run, the API and tools.

It reads the ledger, and writes below ``results``.
"""
