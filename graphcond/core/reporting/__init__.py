"""The HTML report of a condensed dataset: what all modalities have in common. It knows none of them."""
