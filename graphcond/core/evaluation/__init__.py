"""What the evaluation of every modality shares."""
