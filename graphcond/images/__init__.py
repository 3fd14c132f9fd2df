"""Images: reading, checking, normalising and augmenting them."""
