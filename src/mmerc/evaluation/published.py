"""The paper's results on MELD test, in percent, for comparison with ours.

Tables 1-3 of Xie, Sidulova and Park, Sensors 2021 (CC BY 4.0). Its "F1" is `f1_of_weighted_pr` in Tables 1 and 2 and
in the multimodal row of Table 3, and `f1_weighted` in the unimodal rows of Table 3 (reading note 1).
"""

TABLE_1: dict[str, dict[str, tuple[float, float, float]]] = {  # precision, recall, F1
    "audio": {
        "neutral": (48.5, 99.8, 65.2), "joy": (45.5, 1.2, 2.4), "sadness": (0.0, 0.0, 0.0), "anger": (60.0, 0.9, 1.7),
        "surprise": (16.7, 0.4, 0.7), "fear": (0.0, 0.0, 0.0), "disgust": (0.0, 0.0, 0.0),
    },
    "face": {
        "neutral": (48.1, 99.0, 64.7), "joy": (15.0, 0.7, 1.4), "sadness": (0.0, 0.0, 0.0), "anger": (0.0, 0.0, 0.0),
        "surprise": (0.0, 0.0, 0.0), "fear": (0.0, 0.0, 0.0), "disgust": (0.0, 0.0, 0.0),
    },
    "text": {
        "neutral": (72.7, 82.1, 77.1), "joy": (54.4, 53.7, 54.1), "sadness": (40.1, 33.2, 36.3),
        "anger": (53.4, 39.1, 45.1), "surprise": (53.0, 60.0, 56.3), "fear": (16.1, 10.0, 12.3),
        "disgust": (52.4, 16.2, 24.7),
    },
    "fused": {
        "neutral": (74.0, 84.9, 79.1), "joy": (56.7, 57.2, 56.9), "sadness": (49.6, 29.3, 36.9),
        "anger": (51.4, 44.7, 47.8), "surprise": (54.4, 61.4, 57.7), "fear": (50.0, 6.0, 10.7),
        "disgust": (47.1, 11.8, 18.8),
    },
}  # fmt: skip
SUPPORT = {"neutral": 1256, "joy": 402, "surprise": 281, "anger": 345, "sadness": 208, "disgust": 68, "fear": 50}

# Accuracy, balanced accuracy, f1_of_weighted_pr; f1_weighted is computed from Table 1.
TABLE_2: dict[str, dict[str, float]] = {
    "majority": {"accuracy": 48.1, "balanced_accuracy": 14.3, "f1_weighted": 31.3},
    "audio": {"accuracy": 48.4, "balanced_accuracy": 14.6, "f1_of_weighted_pr": 43.8, "f1_weighted": 32.1},
    "face": {"accuracy": 47.8, "balanced_accuracy": 14.3, "f1_of_weighted_pr": 33.3, "f1_weighted": 31.4},
    "text": {"accuracy": 62.6, "balanced_accuracy": 42.0, "f1_of_weighted_pr": 61.8, "f1_weighted": 61.2},
    "fused": {"accuracy": 65.0, "balanced_accuracy": 42.2, "f1_of_weighted_pr": 64.0, "f1_weighted": 63.0},
}

# Model, modalities, accuracy, F1 as printed, and which F1 it is where that is known.
TABLE_3: tuple[tuple[str, str, float, float, str], ...] = (
    ("Ho et al. 2020", "audio", 48.8, 45.3, "not stated"),
    ("Ho et al. 2020", "text", 61.7, 59.0, "not stated"),
    ("Ho et al. 2020", "audio, text", 63.3, 60.6, "not stated"),
    ("Lian et al. 2021", "audio", 46.9, 38.2, "not stated"),
    ("Lian et al. 2021", "text", 60.6, 58.3, "not stated"),
    ("Lian et al. 2021", "audio, text", 62.0, 60.5, "not stated"),
    ("Siriwardhana et al. 2020", "audio, face, text", 64.3, 63.9, "not stated"),
    ("Xie et al. 2021", "audio", 48.4, 32.1, "f1_weighted"),
    ("Xie et al. 2021", "face", 47.8, 31.4, "f1_weighted"),
    ("Xie et al. 2021", "text", 62.6, 61.2, "f1_weighted"),
    ("Xie et al. 2021", "audio, face, text", 65.0, 64.0, "f1_of_weighted_pr"),
)
