"""The table of a sweep is shown before anything is asked of the place that it came from."""

import contextlib
import io
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer

from gridrun.cli.remote._send import _report
from gridrun.errors import EnvironmentFault

TALLY = SimpleNamespace(done=1)


class Sent:
    """A study whose sweep has ended; its backend does with a table what ``publish`` does."""

    place = typed = "study"

    def __init__(self, table, publish):
        paths = SimpleNamespace(results_csv=table)
        self.opened = SimpleNamespace(write_runs=lambda: None, study=SimpleNamespace(paths=paths))
        self.publish = publish

    @contextlib.contextmanager
    def asking(self):
        yield self

    def sweeps(self):
        return [SimpleNamespace(name="s-1", state="ended")]


def refuse(*_):
    raise EnvironmentFault("it is full")


def interrupt(*_):
    raise KeyboardInterrupt


@pytest.mark.parametrize("as_json", [False, True], ids=["table", "json"])
@pytest.mark.parametrize(
    ("publish", "said"),
    [
        (lambda *_: "s-1, a", "the table lies beside the sweep, too: s-1, a\n"),
        (lambda *_: "", ""),
        (refuse, "the table could not be put beside the sweep s-1: it is full\n"),
        (interrupt, "the table was not put beside the sweep s-1: interrupted\n"),
    ],
    ids=["there", "nowhere", "refused", "interrupted"],
)
def test_the_table_is_shown_before_it_is_put_elsewhere(
    tmp_path, monkeypatch, capsys, publish, said, as_json
):
    """Whatever becomes of that: the table is out by then, and the exit code is the run's."""
    (tmp_path / "t.csv").touch()
    out = io.TextIOWrapper(raw := io.BytesIO(), write_through=False)
    monkeypatch.setattr("sys.stdout", out)
    monkeypatch.setattr("gridrun.cli._text.print_summary", lambda *_: out.write("the table\n"))
    monkeypatch.setattr("gridrun.cli._text.dump", lambda _: out.write("{}\n"))
    monkeypatch.setattr("gridrun.cli._text.tally_line", lambda *_: "1 done\n")

    def published(*given):
        assert raw.getvalue() == (b"{}\n" if as_json else b"the table\n1 done\n")
        return publish(*given)

    summary = SimpleNamespace(null_records=list, records=list, files=[])
    ended = SimpleNamespace(
        state="done", seconds=1, tally=TALLY, held=0, summary=summary, notes=[], fault=None
    )
    ended.exit_code = 1
    with pytest.raises(typer.Exit) as caught:
        _report(Sent(Path(tmp_path / "t.csv"), published), ended, as_json=as_json)
    assert caught.value.exit_code == 1
    assert capsys.readouterr().err == said
