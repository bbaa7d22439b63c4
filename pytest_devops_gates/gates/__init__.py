"""The gates that ship: one file a tool, each blind to the others."""
