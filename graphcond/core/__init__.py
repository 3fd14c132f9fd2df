"""Parts that know no modality: randomness, files, costs, progress."""
