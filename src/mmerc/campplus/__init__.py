"""CAM++, a network for speaker recognition, and the features that it reads."""

WEIGHTS = "voice-encoder"  # name of its public weights
