"""Real servers for tests, on the loopback: Prometheus, Alertmanager, and a service to watch."""
