"""Columns of cells cut out of text by Arrow, without a Python object for each; for stages.

What is plain is read here, some thousand rows at a time. What is odd is not: it is left to the
readers of ``stages.read``, which say what is wrong, where.
"""
