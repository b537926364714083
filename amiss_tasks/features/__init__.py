"""Features: which there are, from which columns, and how a file of the user's names others.

For everything in ``amiss_tasks``; knows nothing of stages.
"""
