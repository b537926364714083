"""The amiss pipeline: what each stage computes."""
