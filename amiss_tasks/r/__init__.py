"""The bridge to R, alone in importing rpy2: session, values, random draws; for all above.

For everything in ``amiss_tasks``; the only place that imports rpy2.
"""
