"""``devops-gates init``: what the project has, and the files that follow from it, as values."""
