"""Searching for secrets: what they look like, where they may lie, and who looks.

No value of a secret leaves this package: what was found is told by its kind, place and length.
"""
