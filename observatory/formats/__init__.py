"""File formats as far as wholeness and headers go; never pixels."""
