"""How the product runs: probes, objectives, incidents."""
