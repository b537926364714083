"""Segments with what this gridrun does not know, as a newer one may write them."""

import pytest

from gridrun import __version__
from gridrun.errors import EnvironmentFault
from gridrun.run.backend import SentSweep
from gridrun.run.sweep_watch import SweepWatch
from gridrun.shard import SegmentWriter, read_segment, written_by


class Watch(SweepWatch):
    """Looks at the segments of one shard.

    Args:
        directory: Where they are.
    """

    def __init__(self, directory):
        sweep = SentSweep("sweep", is_sent=True, planned=0.0, shards={0: ()})
        super().__init__(sweep, lambda digest: 1, lambda text: None)
        self.directory = directory

    def look(self):
        yield from self.read_segments("sweep_0", 0, self.directory, are_copies=False)


def segment(directory, version=None):
    """A whole segment with an unknown event, written by some version, or one that does not say."""
    writer = SegmentWriter(directory)
    writer.add('{"event":"WeatherSeen","sky":"grey"}')
    writer.flush()
    (path,) = directory.glob("segment-*")
    own = f',"gridrun":"{__version__}"'
    assert own in path.read_text()
    other = f',"gridrun":"{version}"' if version else ""
    path.write_text(path.read_text().replace(own, other))
    return path


def test_which_version_wrote_it_is_said(tmp_path):
    """With the segment, with what is not known, and with what to do."""
    path = segment(tmp_path, "99.1")
    assert written_by(path) == "99.1"
    assert len(read_segment(path)) == 1
    with pytest.raises(EnvironmentFault, match="nothing is known of 'WeatherSeen'") as caught:
        list(Watch(tmp_path).look())
    assert caught.value.where == str(path)
    assert f"gridrun 99.1 wrote it, and this is gridrun {__version__}" in caught.value.todo


def test_one_that_does_not_say_its_version_is_refused_as_well(tmp_path):
    """Segments of earlier versions are whole without it."""
    path = segment(tmp_path)
    assert written_by(path) == ""
    with pytest.raises(EnvironmentFault, match="nothing is known of 'WeatherSeen'") as caught:
        list(Watch(tmp_path).look())
    assert "another version of gridrun wrote it" in caught.value.todo
