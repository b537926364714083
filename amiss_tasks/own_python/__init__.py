"""Python files of the user's own: their imports and functions; for own, study and tasks.

The counterpart of the R files in ``amiss_tasks/own``; ``docs/own-methods.md`` says what such a
file has to define.
"""
