"""Inside the test process: what happens is streamed to the supervisor, one line an event."""
