"""Python files of the user's own: runs their functions, puts the process back; for own.

The counterpart of the R files in ``amiss_tasks/own``; ``docs/own-methods.md`` says what such a
file has to define, :mod:`amiss_tasks.study.python_source` what its text says without being run.
"""
