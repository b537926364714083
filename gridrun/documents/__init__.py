"""JSON and YAML files as nodes that know their lines; for all above."""

from gridrun.documents._document import YAML_SUFFIXES, expanded, path_behind, read_document

__all__ = ["YAML_SUFFIXES", "expanded", "path_behind", "read_document"]
