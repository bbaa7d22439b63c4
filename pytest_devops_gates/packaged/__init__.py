"""What a distribution holds, and what it should."""
