"""Holds what stages read against what the keys of their results hold, while any test runs them.

A key holds what it was made from: so what is read while it is made is recorded, and what is
read while the thing behind it is computed has to be among that. Nothing in the product knows
of it: classes are patched, and R's ``%in%``, by which stages ask for a switch, is replaced.

====================  =============================================  ======================
key                   made in                                        computed in
====================  =============================================  ======================
joined table          ``AmissSource._read_key``                      ``stages.read._study._read``
tables of a block     ``AmissSource._block_key``                     ``AmissSource._write``
result by content     ``StageRunner.content_key``                          memo ``result:``
context of a task     ``Protocol.components``, ``STUDY_KEYS``        ``AmissRunner.run``, ``_write``
====================  =============================================  ======================

What is read: switches (by Python and by R), seeds, values of parameters, features, what
CLNSIG counts as, the way of evaluating, keys of the study.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from functools import wraps
from typing import Any

import pytest

from amiss_tasks.classifiers import NAMES as CLASSIFIERS
from amiss_tasks.evaluation import Evaluation
from amiss_tasks.features.feature_set import FeatureSet
from amiss_tasks.methods import METHODS
from amiss_tasks.protocols import NAMES as SWITCH_NAMES
from amiss_tasks.protocols import Protocol
from amiss_tasks.stages.read import _study
from amiss_tasks.stages.significance import Significance
from amiss_tasks.study.keys import STUDY_KEYS
from amiss_tasks.tasks._memo import Memo
from amiss_tasks.tasks.r_calls import RCalls
from amiss_tasks.tasks.runner import AmissRunner
from amiss_tasks.tasks.source import AmissSource
from amiss_tasks.tasks.stage_runner import StageRunner

Read = tuple[str, str]
"""Kind and name of what was read."""

_RECORD_SWITCHES = """
.asked <- new.env()
`%in%` <- function(x, table) {
  if (is.character(x) && length(x) == 1L) .asked$names <- c(.asked$names, x)
  base::`%in%`(x, table)
}
take_asked <- function() {
  names <- as.character(unique(.asked$names))
  .asked$names <- NULL
  names
}
"""


class _Names(AbstractSet):
    """The switches that are corrected; notes which are asked for."""

    def __init__(self, names: frozenset[str], note: Callable[[str, str], None]) -> None:
        self._names, self._note = names, note

    @classmethod
    def _from_iterable(cls, names):
        return frozenset(names)

    def __contains__(self, name: object) -> bool:
        self._note("switch", str(name))
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        for name in SWITCH_NAMES:
            self._note("switch", name)
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __hash__(self) -> int:
        return hash(self._names)


class _Noted(Mapping):
    """A mapping that notes which of its names are asked for."""

    def __init__(self, kind: str, data: Mapping[str, Any], note) -> None:
        self._kind, self._data, self._note = kind, dict(data), note

    def __getitem__(self, name: str) -> Any:
        self._note(self._kind, name)
        return self._data[name]

    def __iter__(self) -> Iterator[str]:
        for name in self._data:
            self._note(self._kind, name)
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)

    def __or__(self, other):
        return {**self, **other}


class Recorder:
    """What was read in each scope, and where that was more than the key holds."""

    def __init__(self) -> None:
        self.violations: list[str] = []
        self.seen: dict[str, set[Read]] = {}
        self._open: list[set[Read]] = []
        self._calls: RCalls | None = None

    def note(self, kind: str, name: str) -> None:
        """Something was read."""
        for reads in self._open:
            reads.add((kind, name))

    @contextlib.contextmanager
    def scope(self) -> Iterator[set[Read]]:
        """Collects what is read inside."""
        self._ask_r()
        reads: set[Read] = set()
        self._open.append(reads)
        try:
            yield reads
        finally:
            self._ask_r()
            # not by value: two scopes may have read the same
            self._open = [other for other in self._open if other is not reads]

    def hold(self, what: str, reads: set[Read], held: set[Read], kinds: set[str]) -> None:
        """Note what of these kinds was read and is not held."""
        self.seen.setdefault(what, set()).update(reads)
        more = sorted(read for read in reads - held if read[0] in kinds)
        if more:
            text = ", ".join(f"{kind} {name}" for kind, name in more)
            self.violations.append(f"{what} reads what its key does not hold: {text}")

    def use(self, calls: RCalls) -> None:
        """Have R say which switches it is asked for."""
        calls._session.source_text(_RECORD_SWITCHES, calls._session.shared)
        self._calls = calls

    def _ask_r(self) -> None:
        # also where no scope is open: what was asked before one is not read inside it
        if self._calls is not None:
            session = self._calls._session
            for name in session.call(session.shared, "take_asked").value.python():
                # what else is looked for in a set is no switch
                if name in SWITCH_NAMES:
                    self.note("switch", name)


def install(patch: pytest.MonkeyPatch) -> Recorder:
    """Record whatever runs from now on."""
    recorder = Recorder()
    _watch_protocol(patch, recorder)
    _watch_objects(patch, recorder)
    _watch_r(patch, recorder)
    _watch_source(patch, recorder)
    _watch_runner(patch, recorder)
    return recorder


def _watch_protocol(patch: pytest.MonkeyPatch, recorder: Recorder) -> None:
    raw = Protocol.__dict__["corrected"].func

    def corrected(self: Protocol) -> _Names:
        return _Names(raw(self), recorder.note)

    def read(self: Protocol, name: str) -> Any:
        # upstream's seed is passed along everywhere, and used where steps have none of their own
        if name == "seed" or (name == "model_seed" and "draw_order" not in raw(self)):
            recorder.note("seed", name)
        return object.__getattribute__(self, name)

    patch.setattr(Protocol, "corrected", property(corrected))
    patch.setattr(Protocol, "__getattribute__", read)


def _watch_objects(patch: pytest.MonkeyPatch, recorder: Recorder) -> None:
    kinds = {FeatureSet: "features", Significance: "clnsig", Evaluation: "evaluate"}
    for cls, key in kinds.items():

        def read(self: Any, name: str, *, key: str = key) -> Any:
            recorder.note("object", key)
            return object.__getattribute__(self, name)

        patch.setattr(cls, "__getattribute__", read)


def _watch_r(patch: pytest.MonkeyPatch, recorder: Recorder) -> None:
    plain = RCalls.__init__

    @wraps(plain)
    def init(self: RCalls, *args: Any, **named: Any) -> None:
        plain(self, *args, **named)
        recorder.use(self)

    patch.setattr(RCalls, "__init__", init)


def _watch_source(patch: pytest.MonkeyPatch, recorder: Recorder) -> None:
    init, artifact, write = AmissSource.__init__, AmissSource.artifact, AmissSource._write
    read_key, block_key, read = AmissSource._read_key, AmissSource._block_key, _study._read
    held: dict[str, set[Read]] = {}

    @wraps(init)
    def noting_init(self, settings, values, cache_dir):
        options = _Noted("option", settings.options, recorder.note)
        with recorder.scope() as reads:
            init(
                self,
                replace(settings, options=options),
                _Noted("asked", values, recorder.note),
                cache_dir,
            )
        recorder.hold("the driver", reads, _STUDY_KEYS_READ, {"option"})

    @wraps(read_key)
    def noting_read_key(self, *args):
        with recorder.scope() as held["read"]:
            return read_key(self, *args)

    @wraps(read)
    def noting_read(*args, **named):
        with recorder.scope() as reads:
            found = read(*args, **named)
        if "read" in held and named.get("labelled", True):
            recorder.hold("the joined table", reads, held["read"], {"asked", "object", "switch"})
        return found

    @wraps(artifact)
    def noting_artifact(self, values):
        return artifact(self, _Noted("value", values, recorder.note))

    @wraps(block_key)
    def noting_block_key(self, values):
        with recorder.scope() as held["block"]:
            return block_key(self, values)

    @wraps(write)
    def noting_write(self, values, path):
        with recorder.scope() as reads:
            try:
                write(self, values, path)
            finally:
                kinds = {"value", "switch", "seed", "object"}
                recorder.hold("a block", reads, held["block"], kinds)
                recorder.hold("the context of a block", reads, _EVERY_CONTEXT, {"switch"})

    patch.setattr(AmissSource, "__init__", noting_init)
    patch.setattr(AmissSource, "_read_key", noting_read_key)
    patch.setattr(_study, "_read", noting_read)
    patch.setattr(AmissSource, "artifact", noting_artifact)
    patch.setattr(AmissSource, "_block_key", noting_block_key)
    patch.setattr(AmissSource, "_write", noting_write)


def _watch_runner(patch: pytest.MonkeyPatch, recorder: Recorder) -> None:
    init, run, content_key, get = (
        AmissRunner.__init__,
        AmissRunner.run,
        StageRunner.content_key,
        Memo.get,
    )
    held: dict[str, set[Read]] = {}

    @wraps(init)
    def noting_init(self, settings, *args, **named):
        options = _Noted("option", settings.options, recorder.note)
        with recorder.scope() as reads:
            init(self, replace(settings, options=options), *args, **named)
        recorder.hold("a worker", reads, _STUDY_KEYS_READ, {"option"})

    @wraps(run)
    def noting_run(self, task, artifact):
        protocol, method = self.chain.protocol, str(task.values["imputation"])
        components = protocol.components(task.classifier, method)
        noted = replace(task, values=_Noted("value", task.values, recorder.note))
        # the runner whose R is asked is the one that runs
        recorder.use(self.chain.r.calls)
        with recorder.scope() as reads:
            try:
                return run(self, noted, artifact)
            finally:
                recorder._ask_r()
                context = {(kind, name) for name in components for kind in ("switch", "seed")}
                what = f"a task of {task.classifier} on {method}"
                recorder.hold(what, reads, context, {"switch", "seed"})

    @wraps(content_key)
    def noting_content_key(self, task, cell):
        with recorder.scope() as reads:
            key = content_key(self, task, cell)
        held[f"result:{key}"] = reads
        return key

    @wraps(get)
    def noting_get(self, key, compute):
        if key not in held:
            return get(self, key, compute)

        def noting_compute():
            with recorder.scope() as reads:
                try:
                    return compute()
                finally:
                    recorder._ask_r()
                    recorder.hold("a result", reads, held[key], {"switch", "value", "seed"})

        return get(self, key, noting_compute)

    patch.setattr(AmissRunner, "__init__", noting_init)
    patch.setattr(AmissRunner, "run", noting_run)
    patch.setattr(StageRunner, "content_key", noting_content_key)
    patch.setattr(Memo, "get", noting_get)


_STUDY_KEYS_READ = {("option", name) for name in STUDY_KEYS}
_EVERY_CONTEXT = {
    ("switch", name)
    for name, switch in SWITCH_NAMES.items()
    if all(switch.concerns(classifier, m) for classifier in CLASSIFIERS for m in METHODS)
}
