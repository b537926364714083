"""Text files in chunks of whole lines, and what is said of them; for describe, study and tasks."""
