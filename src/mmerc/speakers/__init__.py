"""Who speaks in a recording: a voice encoder, and the clustering of its vectors."""
