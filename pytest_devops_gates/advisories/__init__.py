"""Known vulnerabilities of packages: read from OSV records, or asked of an online service."""
