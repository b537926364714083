"""Commands that are no run: doctor, self-test, check-method, models; for commands and the API."""
