"""What is on disk: paths below a study's directory, the cache by digest, the ledger.

For the core above it (``study``, ``report``, ``run``, ``tools``), for pipelines (the cache) and
for backends (paths).
"""
