"""``python -m gridrun``: the command line, where the script of that name is not on the path."""

from gridrun.cli import main

main()
