"""From the text of cells to the values of features; for describe.

Lists, positions, numbers and what is computed of several: no file is opened here, and what is
wrong with a cell is said by who read it.
"""
