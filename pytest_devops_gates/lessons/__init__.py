"""What was learnt: the inbox of feedback, and what deserves work."""
