"""The command ``gridrun``, and ``python -m gridrun``: Ctrl-C while it starts is no traceback."""

import sys


def main() -> None:
    """Entry point: importing the commands takes a while, in which somebody may press Ctrl-C."""
    try:
        from gridrun.cli import main as command
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(130)
    command()


if __name__ == "__main__":
    main()
