"""What a project depends on: what it declares, what that requires, and what is locked of it."""
