"""Inside the test process: what happens is streamed to the supervisor, one line an event."""

DECLARED = "testimony.json"
"""In the run's folder: the gates of conftest.py files that the configuration declares, with their
options; written before the test process starts."""
