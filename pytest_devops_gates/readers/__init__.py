"""One file a format: reads what any tool wrote into evidence. Pure."""
