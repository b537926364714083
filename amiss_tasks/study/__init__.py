"""The keys that amiss adds to ``study.yaml``, and what a study's options hold.

For the pipeline, its tasks, models and descriptions; stages do not import it.
"""
