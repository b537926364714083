"""What a terminal would obey never reaches it: not from inputs, nor from R, nor from names."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gridrun.cli._streams import Listener, plain_output
from gridrun.cli._text import console, json_text, say, table
from gridrun.errors import Fault, InputError, UserError, printable

ROOT = Path(__file__).resolve().parents[2]
POISON = "\x1b[31m\x1b]0;title\x07\x9b2J\u202e"
IN_VCF = POISON.replace(";", ".")
OURS = re.compile(r"\x1b\[[0-9;]*m|\x1b\[\?25[lh]|\x1b\[[0-9]*[AK]|\r")
"""What rich writes: colours, the cursor hidden and shown, lines above cleared."""

OWN = """\
impute_train <- function(data, params, seed) {{
  cat("{0}printed\\n")
  message("{0}said")
  warning("{0}warned")
  stop("{0}stopped\\nerror: forged")
}}
impute_test <- function(data, state, seed) data
"""


def in_r(text: str) -> str:
    return "".join(f"\\\\u{ord(each):04x}" if not each.isprintable() else each for each in text)


def on_a_terminal(*words: object, cwd: Path) -> tuple[int, str]:
    """Exit code and output of a command on a terminal."""
    above, below = pty.openpty()
    command = [sys.executable, "-m", "gridrun", *map(str, words)]
    env = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "120"}
    process = subprocess.Popen(command, stdin=below, stdout=below, stderr=below, cwd=cwd, env=env)
    os.close(below)
    read = b""
    with os.fdopen(above, "rb", buffering=0) as stream:
        while True:
            try:
                part = stream.read(4096)
            except OSError:  # nobody has the other end open any more
                break
            if not part:
                break
            read += part
    return process.wait(), read.decode("utf-8", "replace")


def assert_obeyed_nowhere(text: str, *, is_log: bool = False) -> None:
    plain = OURS.sub("", text)
    assert plain.replace("\n", "").replace("\t", "").isprintable(), repr(plain)
    assert "\x1b[31m" not in text
    # a log that is asked for is shown as it is, line by line
    assert is_log or "\nerror: forged" not in plain


@pytest.fixture(scope="module")
def poisoned(tmp_path_factory) -> Path:
    """The quickstart in a folder, with inputs and with an own method that are full of escapes."""
    folder = tmp_path_factory.mktemp("terminal") / f"na{POISON}me\nerror: forged"
    study = folder / "quickstart"
    ignored = shutil.ignore_patterns(".gridrun", "results")
    shutil.copytree(ROOT / "examples" / "quickstart", study, ignore=ignored)
    vcf = study / "data" / "clinvar.vep.vcf.gz"
    lines = gzip.decompress(vcf.read_bytes()).decode().split("\n")
    first = next(at for at, line in enumerate(lines) if line and not line.startswith("#"))
    lines[first] = re.sub(r"CLNSIG=[^;\t]*", f"CLNSIG={IN_VCF}odd", lines[first])
    lines[first + 1] = re.sub("MADEUP[0-9]+", f"MADE{IN_VCF}", lines[first + 1])
    vcf.write_bytes(gzip.compress("\n".join(lines).encode(), mtime=0))
    (study / "evil.R").write_text(OWN.format(in_r(POISON)).replace("\\\\u", "\\u"))
    text = (study / "study.yaml").read_text()
    text = text.replace("    - zero_imp\n", "    - zero_imp\n    - evil\n")
    (study / "study.yaml").write_text(text + "own_methods: {evil: evil.R}\n")
    return study


COMMANDS = (
    ("results", "--by", "imputation"),
    ("status",),
    ("logs", "--show"),
    ("plan",),
    ("doctor",),
    ("describe",),
)


@pytest.mark.slow
def test_no_command_lets_a_terminal_obey_inputs_or_r(poisoned):
    """All commands of a study that has escapes wherever somebody can write them."""
    words = ("--in-process", "--folds", "1", "--only", "imputation=zero_imp,evil")
    words += ("--only", "quality=onestar")
    code, said = on_a_terminal("local", poisoned, *words, cwd=ROOT)
    assert code == 2, said
    assert "CLNSIG" in said
    assert_obeyed_nowhere(said)
    vcf = poisoned / "data" / "clinvar.vep.vcf.gz"
    text = (
        gzip.decompress(vcf.read_bytes()).decode().replace(f"CLNSIG={IN_VCF}odd", "CLNSIG=Benign")
    )
    vcf.write_bytes(gzip.compress(text.encode(), mtime=0))
    code, said = on_a_terminal("local", poisoned, *words, cwd=ROOT)
    assert code == 1, said
    assert "\\u001b]0;title" in said
    assert_obeyed_nowhere(said)
    for command, *more in COMMANDS:
        _, said = on_a_terminal(command, poisoned, *more, cwd=ROOT)
        assert_obeyed_nowhere(said, is_log=command == "logs")
    state = list((poisoned / ".gridrun").rglob("*"))
    assert any(each.suffix == ".log" for each in state)
    assert [each for each in state if each.stat().st_mode & 0o077] == []
    code, said = on_a_terminal("report", poisoned, cwd=ROOT)
    assert_obeyed_nowhere(said)
    page = (poisoned / "results" / "report.html").read_text()
    assert "stopped" in page
    assert all(each == "\n" or each >= " " for each in page if each != "\t")
    rows = list(csv.DictReader((poisoned / "results" / "final_cv_results.csv").open(newline="")))
    assert any("stopped" in row["reason"] for row in rows)


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("zero_imp", '"ze\\e[31mro\\nerror: forged"', "imputation"),
        ("folds: 3", '"fol\\e[31mds\\x9b": 3', "folds"),
        ("data/clinvar.vep.vcf.gz", '"data/\\e[31m\\nerror: forged"', "data"),
    ],
)
def test_a_study_of_escapes_is_shown_without_them(old, new, where, poisoned, tmp_path):
    """Values, keys and paths of study.yaml are quoted in messages, on one line."""
    study = tmp_path / "study"
    study.mkdir()
    text = (ROOT / "examples" / "quickstart" / "study.yaml").read_text()
    (study / "study.yaml").write_text(text.replace(old, new, 1))
    code, said = on_a_terminal("plan", study, cwd=ROOT)
    assert code == 2, said
    assert where in said or "\\u" in said
    assert_obeyed_nowhere(said)


def listened(write) -> str:
    """What a command's output is of what it writes, on no terminal."""
    stream = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", Listener(stream, "standard output"))
        with plain_output():
            write()
    return stream.getvalue()


@pytest.mark.parametrize(
    "write",
    [
        lambda: say(f"{POISON}\nerror: forged"),
        lambda: sys.stdout.write(f"{POISON}\r"),
        lambda: console().print(f"{POISON}\r"),
        lambda: table(console(), [(POISON, "left")], [[f"{POISON}\nerror: forged"]]),
    ],
    ids=["say", "write", "console", "table"],
)
def test_every_way_to_the_terminal_writes_escapes_out(write):
    """Whichever way a command takes, and whoever wrote it."""
    said = listened(write)
    # rich leaves out a bell and a carriage return itself
    assert re.search(r"\\u001b\]0;title(\\u0007)?\\u009b2J\\u202e", said)
    assert_obeyed_nowhere(said)


def test_json_stays_data():
    """It is escaped as JSON escapes, so that a terminal obeys nothing and a reader has the same."""
    data = {"text": f"{POISON}\U000e0001 é 😀"}
    text = json_text(data)
    assert json.loads(text) == data
    assert "é 😀" in text
    assert_obeyed_nowhere(text)


def test_no_line_of_a_quoted_text_passes_for_one_of_gridrun():
    """A name with a line break stays on its line; further lines of a message are set in."""
    error = UserError("stopped: a\nerror: forged", where="x\nerror: forged")
    assert error.text() == "x\\u000aerror: forged: stopped: a\n    error: forged"
    assert UserError(*error.args).text() == error.text()
    fault = Fault(Path("a\nb"), f"value c\nd{POISON}", 3)
    assert InputError([fault, fault]).text().count("\n") == 1
    assert fault.text() == f"a\\u000ab:3: value c\\u000ad{printable(POISON)}"


@pytest.mark.parametrize("is_late", [False, True])
def test_a_terminal_that_is_closed_ends_nothing(is_late):
    """What would be written there is dropped, as what a reader who left wanted."""
    above, below = pty.openpty()
    with os.fdopen(below, "w") as stream:
        if is_late:
            os.close(above)  # while gridrun starts: it is not known for a terminal any more
        listener = Listener(stream, "standard output")
        if not is_late:
            os.close(above)
        for _ in range(2):
            listener.write("somebody went home\n")
            listener.flush()


def test_a_command_whose_terminal_was_closed_before_it_began_ends_as_ever():
    """Its exit code is that of what it does, not of a disk that is at fault."""
    above, below = pty.openpty()
    os.close(above)
    command = [sys.executable, "-m", "gridrun", "params"]
    done = subprocess.run(command, stdin=below, stdout=below, stderr=below, check=False)
    os.close(below)
    assert done.returncode == 0
