"""Training: a corpus and a configuration in, a run folder out."""
