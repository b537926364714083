"""Block tables on the driver, stages run in a worker; for describe, models, own and pipeline."""
