"""Grid to combinations, tasks and units; selection and fingerprints; for all above.

Pure: it is given what the ledger knows and asks no clock; fingerprints alone read files, of code
and of inputs, and a selection that a person keeps in a file.
Tasks are columns of integers (see ``gridrun.plan.task_encoding``), never objects, until a
unit is cut.
"""
