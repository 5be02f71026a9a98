"""The command line: thin commands that compose the stages."""

from leafcode.cli.main import main

__all__ = ["main"]
