"""One file a view: plain values become a `Picture`."""
