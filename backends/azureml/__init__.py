"""The backend ``azureml``: Azure ML HyperDrive, with the study key and command ``azure``.

Found by entry points; nobody imports it. ``backend`` keeps the contract, ``settings`` and
``cli`` are what a person types. Azure's SDK is imported by ``sdk`` (its adapter and sign-in),
in a process of its own, and by ``node``, whose scripts run on Azure.
"""
