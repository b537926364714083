"""JSON and YAML files as nodes that know their lines; for all above."""

from gridrun.documents._document import YAML_SUFFIXES, read_document
from gridrun.documents._paths import path_behind

__all__ = ["YAML_SUFFIXES", "path_behind", "read_document"]
