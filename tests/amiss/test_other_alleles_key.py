"""The key ``csq_of_other_alleles``: what happens to CSQ blocks of another ALT."""

from __future__ import annotations

import pytest
from key_texts import assert_refused, read_key


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("leave_out", ""),
        ("refuse", ""),
        ("leave_ou", 'did you mean "leave_out"?'),
        ("yes", "known values: refuse, leave_out"),
        ("[leave_out]", "a list"),
        ("", "null"),
    ],
)
def test_the_key_takes_two_words(tmp_path, text, part):
    """Anything else is refused with what was perhaps meant."""
    if not part:
        assert read_key(tmp_path, f"csq_of_other_alleles: {text}\n").data == text
        return
    assert_refused(tmp_path, f"csq_of_other_alleles: {text}\n", 1, (part,))
