"""Shards in a folder, run by whoever finds them, collected from there; for entry points.

Found by entry points; nobody imports it. It has the study key ``folder`` and the commands
``shards`` and ``collect``; what runs the shards is ``gridrun worker FOLDER``, on any machine
that sees the folder: by hand, as jobs of a cluster, in a container.
"""
