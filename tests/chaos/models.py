"""Truncation and bit flips of a model: a sentence, or the right predictions.

``python tests/chaos models --from SEED --count 1`` repeats a seed.
"""

from __future__ import annotations

import gzip
import random
import re
import shutil
import zipfile
from pathlib import Path

import commands
from attacks import DAMAGES, damage

QUICKSTART = Path(__file__).resolve().parents[2] / "examples" / "quickstart"
RECORDS = 40
_RIGHT: list[bytes] = []


def _made(scratch: Path) -> Path:
    """A model of the quickstart, made once in a process; what it predicts is right."""
    study = scratch / "quickstart"
    model = study / "models" / "combination-5-lr.gridrun-model"
    if not _RIGHT:
        shutil.copytree(QUICKSTART, study, ignore=shutil.ignore_patterns(".gridrun", "results"))
        chosen = ("--combination", "5", "--classifier", "lr")
        made = commands.gridrun("export-model", study, *chosen)
        assert made.returncode == 0, made.stderr
        with gzip.open(study / "data" / "clinvar.vep.vcf.gz", "rt") as stream:
            lines = stream.readlines()
        records = [line for line in lines if not line.startswith("#")][:RECORDS]
        head = [line for line in lines if line.startswith("#")]
        (study / "new.vcf").write_text("".join([*head, *records]))
        code, said, predictions = _predict(study, model)
        assert code == 0, said
        _RIGHT.append(predictions)
    return model


def _predict(study: Path, model: Path) -> tuple[int, str, bytes]:
    out = study / "predictions.csv"
    out.unlink(missing_ok=True)
    data = study / "data"
    tables = ("--cadd-snv", data / "cadd_snv.tsv.gz", "--cadd-indel", data / "cadd_indel.tsv.gz")
    ended = commands.gridrun("predict", model, "--vcf", study / "new.vcf", *tables, "--out", out)
    written = out.read_bytes() if out.exists() else b""
    return ended.returncode, ended.stdout + ended.stderr, written


def try_seed(number: int, scratch: Path) -> str:
    """Damage a model, or one of its parts before it was packed, and predict with it."""
    draw = random.Random(number)
    whole = _made(scratch)
    model = Path(shutil.copy(whole, scratch / "damaged.gridrun-model"))
    kind = draw.choice([each for each in DAMAGES if each != "gone"])
    part = ""
    if number % 2:
        part = _damage_part(model, kind, draw, scratch)
    else:
        damage(model, kind, draw)
    code, said, written = _predict(scratch / "quickstart", model)
    assert "Traceback" not in said, said
    assert code in {0, 2, 3}, said
    if code == 0:
        assert written == _RIGHT[0], f"{kind} {part}: other predictions"
    else:
        assert re.search(r"^error: \S", said, re.MULTILINE), said
        assert written == b""
    return f"{kind} {part}: {code}"


def _damage_part(model: Path, kind: str, draw: random.Random, scratch: Path) -> str:
    """As if a part had been damaged in memory or edited: the archive itself is whole."""
    with zipfile.ZipFile(model) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    # a recipe is a text that people may edit, and says what it means
    name = draw.choice([each for each in parts if each != "recipe.json"])
    file = scratch / "part"
    file.write_bytes(parts[name])
    damage(file, kind, draw)
    parts[name] = file.read_bytes()
    with zipfile.ZipFile(model, "w") as archive:
        for each, content in parts.items():
            archive.writestr(each, content)
    return name
