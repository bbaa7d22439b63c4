"""From a verified pass to a roll-out, and back."""
