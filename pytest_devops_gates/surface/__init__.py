"""The public surface of the package, and what changed in it since the last release."""
