"""Tables of the ledger. A ledger of another version is refused, never guessed at."""

from __future__ import annotations

SCHEMA_VERSION = 5
"""Another one for every change of the tables below; a test holds it against their text.

Version 1 stood for several forms of them.
"""

SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- digests of the small tables, written together with them, see _digests.py
CREATE TABLE seal (name TEXT PRIMARY KEY, digest TEXT NOT NULL) WITHOUT ROWID;

-- numbers of parameter values inside task codes, see gridrun.plan.task_encoding
CREATE TABLE value (
  parameter TEXT NOT NULL,
  number INTEGER NOT NULL,
  text TEXT NOT NULL,
  PRIMARY KEY (parameter, number)
) WITHOUT ROWID;

-- the parameter that each bit of a task code belongs to, see gridrun.plan.task_encoding
CREATE TABLE code_bit (position INTEGER PRIMARY KEY, parameter TEXT NOT NULL);

-- what determines the numbers of a set of tasks, apart from their parameter values and fold
CREATE TABLE context (
  id INTEGER PRIMARY KEY,
  digest TEXT NOT NULL UNIQUE,
  classifier TEXT NOT NULL,
  components TEXT NOT NULL
);

-- versions that may change numbers, locked per study unless mixing was asked for
CREATE TABLE environment (
  id INTEGER PRIMARY KEY,
  digest TEXT NOT NULL UNIQUE,
  components TEXT NOT NULL
);

CREATE TABLE worker (
  name TEXT PRIMARY KEY,
  environment INTEGER REFERENCES environment (id)
) WITHOUT ROWID;

CREATE TABLE run (
  id INTEGER PRIMARY KEY,
  request TEXT NOT NULL,
  backend TEXT NOT NULL,
  host TEXT NOT NULL,
  pid INTEGER NOT NULL,
  version TEXT NOT NULL,
  started REAL NOT NULL,
  ended REAL,
  state TEXT NOT NULL
);

-- the latest state of each task that has an outcome
CREATE TABLE outcome (
  context INTEGER NOT NULL,
  fold INTEGER NOT NULL,
  code INTEGER NOT NULL,
  state TEXT NOT NULL,
  kind TEXT NOT NULL,
  PRIMARY KEY (context, fold, code)
) WITHOUT ROWID;

-- what a done task computed, or why it failed
CREATE TABLE result (
  context INTEGER NOT NULL,
  fold INTEGER NOT NULL,
  code INTEGER NOT NULL,
  content_key TEXT NOT NULL,
  reason TEXT NOT NULL,
  result_rows TEXT NOT NULL,
  details TEXT NOT NULL,
  facts TEXT NOT NULL,
  notes TEXT NOT NULL,
  pooled TEXT NOT NULL,
  payloads TEXT NOT NULL,  -- name to digest
  digest TEXT NOT NULL,  -- of all this and of the outcome, see _digests.py
  PRIMARY KEY (context, fold, code)
);

-- larger parts of results, in a form that the pipeline reads, equal ones once
CREATE TABLE payload (digest TEXT PRIMARY KEY, data BLOB NOT NULL);

-- every attempt of every task, in the order it was committed
CREATE TABLE attempt (
  id INTEGER PRIMARY KEY,
  context INTEGER NOT NULL,
  fold INTEGER NOT NULL,
  code INTEGER NOT NULL,
  run INTEGER NOT NULL,
  unit TEXT NOT NULL,
  number INTEGER NOT NULL,
  worker TEXT NOT NULL,
  started REAL NOT NULL,
  seconds REAL NOT NULL,
  shared INTEGER NOT NULL,
  state TEXT NOT NULL,
  final INTEGER NOT NULL,
  kind TEXT NOT NULL,
  reason TEXT NOT NULL,
  signal INTEGER,
  exit_code INTEGER,
  limit_seconds REAL,
  stage TEXT NOT NULL,
  log TEXT NOT NULL,
  shares TEXT NOT NULL,  -- key of what the task shares with others, however many made it
  shared_seconds REAL NOT NULL  -- of seconds, in stages whose results classifiers share
);
CREATE INDEX attempt_noteworthy ON attempt (context, fold, code)
  WHERE state = 'failed' OR log != '';

-- seconds per context, kept as sums so that estimates cost nothing
CREATE TABLE duration (
  context INTEGER PRIMARY KEY,
  tasks INTEGER NOT NULL,
  seconds REAL NOT NULL
);

-- units that a worker holds now
CREATE TABLE held (
  unit TEXT PRIMARY KEY,
  worker TEXT NOT NULL,
  tasks INTEGER NOT NULL,
  since REAL NOT NULL
) WITHOUT ROWID;

-- sweeps of shards, recorded before they are sent (state: planned, sent, or how it ended)
CREATE TABLE sweep (
  name TEXT PRIMARY KEY,
  run INTEGER NOT NULL,
  backend TEXT NOT NULL,
  planned REAL NOT NULL,
  place TEXT NOT NULL,
  state TEXT NOT NULL
) WITHOUT ROWID;

-- units of living sweeps (one that ended is taken out, its tasks are then held no longer)
CREATE TABLE sweep_unit (
  unit TEXT PRIMARY KEY,
  sweep TEXT NOT NULL REFERENCES sweep (name),
  shard INTEGER NOT NULL,
  artifact TEXT NOT NULL,
  seconds REAL NOT NULL,
  tasks TEXT NOT NULL  -- [[context, fold, code, classifier], ...]
) WITHOUT ROWID;
CREATE INDEX sweep_unit_of ON sweep_unit (sweep, shard);

-- outcome segments of living sweeps that are in the ledger
CREATE TABLE segment (
  sweep TEXT NOT NULL,
  shard INTEGER NOT NULL,
  name TEXT NOT NULL,
  PRIMARY KEY (sweep, shard, name)
) WITHOUT ROWID;

-- samples that were drawn, so that a grid that grows keeps them
CREATE TABLE sample (name TEXT PRIMARY KEY, drawn TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE lease (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  host TEXT NOT NULL,
  boot TEXT NOT NULL,
  pid INTEGER NOT NULL,
  born TEXT NOT NULL,
  heartbeat REAL NOT NULL
);
"""
