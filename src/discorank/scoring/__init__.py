"""Pure scoring: arrays in, results out. No I/O, no logging, no clock, no global random state."""
