"""Evidence that another job can verify, and how it does."""
