"""JSON and YAML files as nodes that know their lines, so that every fault has a place."""

from gridrun.documents._document import YAML_SUFFIXES, read_document

__all__ = ["YAML_SUFFIXES", "read_document"]
