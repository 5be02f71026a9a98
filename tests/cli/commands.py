"""Running commands in this process, as the tests of the command line do."""

from leafcode.cli import main


def failure(capsys, *words) -> str:
    """Run a command that must fail as every mistake of a user does; gives its one line of error."""
    capsys.readouterr()
    try:
        status = main([str(word) for word in words])
    except SystemExit as error:  # argparse
        status = error.code
    out, err = capsys.readouterr()
    assert status == 2, (status, err)
    assert out == ""
    assert err.startswith("leafcode: error: "), err
    assert err.count("\n") == 1, err
    assert err.endswith("\n")
    assert "Traceback" not in err
    return err.strip()


def success(capsys, *words) -> str:
    """Run a command that must succeed in silence but for its output, which is given."""
    capsys.readouterr()
    status = main([str(word) for word in words])
    out, err = capsys.readouterr()
    assert (status, err) == (0, ""), (status, err)
    return out


def contents(folder) -> dict[str, bytes]:
    """Every file under a folder, byte by byte, but the empty ones that are locked."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}
