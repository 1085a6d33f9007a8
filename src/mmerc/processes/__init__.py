"""A function called in several processes, for what one process computes too slowly."""
