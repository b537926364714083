"""What stays together where rows are split, and random draws of it; for all above."""
