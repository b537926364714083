"""The keys that amiss adds to study.yaml, and what a study's options hold; for all above.

For the pipeline, its tasks, models and descriptions; stages do not import it.
"""
