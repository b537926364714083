"""Azure ML HyperDrive: a sweep of shards, its settings and commands; for entry points.

Found by entry points; nobody imports it. ``backend`` keeps the contract, ``settings`` and
``cli`` are what a person types. Azure's SDK is imported by ``sdk`` (its adapter and sign-in),
in a process of its own, and by ``node``, whose scripts run on Azure.
"""
