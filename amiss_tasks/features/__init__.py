"""Features: which there are, from which columns, and features files; for all above.

For everything in ``amiss_tasks``; knows nothing of stages.
"""
