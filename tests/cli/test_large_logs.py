"""Logs of any size: the end is shown, at once, and what is left out is said."""

import time

from gridrun.documents.textfile import MOST_SHOWN, last_of
from gridrun.errors import printable


def test_of_a_large_log_the_end_is_read(tmp_path):
    """Whatever it holds; a small one is shown whole."""
    log = tmp_path / "task.log"
    log.write_bytes(b"\x1b[31m" * MOST_SHOWN + b"the end\n")
    began = time.process_time()
    first, _, rest = last_of(log).partition("\n")
    assert first == f"[{4 * MOST_SHOWN + 8:,} bytes before this are in {log}]"
    assert rest.endswith("the end\n")
    assert len(rest.encode()) == MOST_SHOWN
    escaped = printable(rest)
    assert "\x1b" not in escaped
    # 92 MB took minutes
    assert time.process_time() - began < 3.0
    log.write_bytes(b"\xff small")
    assert last_of(log) == "\ufffd small"


def test_what_is_escaped_is_what_it_was():
    """Letter by letter, whatever else is in the text."""
    text = "a\tb\n" + "".join(map(chr, range(0x250))) + "\ue000\U000e0001\ud800"
    expected = "".join(
        one if one.isprintable() or one in "\n\t" else f"\\u{ord(one):04x}" for one in text
    )
    assert printable(text) == expected
    assert printable("\x1b") == "\\u001b"
