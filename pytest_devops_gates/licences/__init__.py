"""Licences: the expressions of SPDX, and what the metadata of packages say instead."""
