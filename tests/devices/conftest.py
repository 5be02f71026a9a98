"""Modules that doctest collection must not import: the device would be registered in the tests' own process."""

collect_ignore = ["cases.py", "pretend.py"]
