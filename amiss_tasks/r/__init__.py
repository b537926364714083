"""The bridge to R: the one session of a process, values across it, R's random numbers and names.

For everything in ``amiss_tasks``; the only place that imports rpy2.
"""
