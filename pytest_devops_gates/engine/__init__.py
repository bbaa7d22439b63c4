"""Runs the planned gates as a graph, and turns whatever happens into evidence."""
