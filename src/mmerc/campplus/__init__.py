"""CAM++, a network that tells speakers apart, and the features that it reads."""
