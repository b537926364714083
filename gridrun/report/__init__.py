"""What a study is told to people and machines: tables, plan, status, attempts, reasons.

For ``run``, ``tools``, the API and the commands; it reads the ledger and writes below ``results``.
"""
