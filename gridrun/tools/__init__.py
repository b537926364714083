"""Commands that are no run: doctor, self-test, check-method, and what is asked of models.

For the API and the commands alone.
"""
