"""Modules that doctest collection must not import: the device belongs in a process of its own."""

collect_ignore = ["cases.py", "pretend.py"]
