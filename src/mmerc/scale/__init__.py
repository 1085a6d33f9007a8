"""Work on many recordings: in parts that are kept when the work is stopped, in this process or on a Ray cluster."""
