"""The pure parts: values in, values out."""
