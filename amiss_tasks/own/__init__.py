"""Checks of a user's own file, and the R code that stands around it; for pipeline.

``docs/own-methods.md`` says what such a file has to define. ``files`` is what of it
travels to workers, ``keys`` reads the study's keys, the R files here stand between the
stages and the user's functions, ``checks`` tries a file on a toy.
"""
