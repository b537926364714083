"""Slurm: a task of a job array for each shard, its settings and commands; for entry points.

Found by entry points; nobody imports it. It has the study key ``slurm`` and the command
``slurm``. Slurm is asked by its own commands (sbatch, squeue, scontrol, scancel; sacct and
sacctmgr where there is accounting); what runs on the nodes is ``backends.slurm._task``.
"""
