"""Statistics: plain arrays in, plain arrays out; no file, no figure, no domain object."""
