"""Commands of tests are forked from a server that has imported what they need."""

from commands import PRELOADED, gridrun


def test_the_server_has_imported_before(tmp_path):
    """The standard library's server leaves out in silence what it cannot import."""
    script = tmp_path / "script.py"
    script.write_text(f"import sys; print({PRELOADED!r} in sys.modules)\n")
    assert gridrun(script=script).stdout == "True\n"
