"""One module a type checker: whether the project configures it, its command, and its reader."""
