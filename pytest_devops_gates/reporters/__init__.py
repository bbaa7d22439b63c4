"""One file a format: ``render(verdict) -> str``. Nothing is decided here."""
