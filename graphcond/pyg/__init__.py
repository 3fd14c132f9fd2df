"""Reading PyG's data: what every modality of graphs shares."""
