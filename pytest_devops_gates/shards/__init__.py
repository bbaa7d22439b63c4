"""A run of several jobs, put together."""
