"""What is on disk: paths, the cache by digest, the ledger; for all above.

For the core above it (``study``, ``report``, ``run``, ``tools``), for pipelines (the cache) and
for backends (paths).
"""
