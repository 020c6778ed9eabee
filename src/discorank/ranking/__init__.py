"""What runs, in which order, and what comes of it: the records of a ranking and the engine."""
