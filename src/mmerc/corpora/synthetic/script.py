"""The demo's dialogues: who says what, with which expressed emotion, and what each modality shows of it.

Every emotion is a combination of a *theme* of the words, a *tone* of the voice and an *expression* of the face. No modality
separates all seven emotions; any two of them nearly do. The words of some lines fit every emotion, and the reply to them fits only
the right one, so that context helps.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

PEOPLE = ("Ada", "Ben", "Cleo", "Dov", "Esi", "Finn")


@dataclass(frozen=True)
class Signs:
    """What an emotion looks, sounds and reads like."""

    theme: str
    tone: str
    expression: str


SIGNS = {
    "joy": Signs("good", "bright", "smile"),
    "surprise": Signs("good", "rising", "wide"),
    "anger": Signs("bad", "bright", "frown"),
    "disgust": Signs("bad", "slow", "frown"),
    "sadness": Signs("low", "slow", "frown"),
    "fear": Signs("low", "rising", "wide"),
    "neutral": Signs("plain", "slow", "rest"),
}
FREQUENCY = {
    "neutral": 0.28,
    "joy": 0.15,
    "surprise": 0.13,
    "anger": 0.13,
    "sadness": 0.12,
    "fear": 0.1,
    "disgust": 0.09,
}

LINES = {
    "good": (
        "We really got the {thing}!", "{person} is coming to the {place} after all!", "Look, they kept the {thing} for us!",
        "You did all of this for me?", "I won the {thing}!", "{person} said yes!", "They picked our {thing} out of hundreds!",
        "Is that {thing} for me?", "They are opening the {place} again!", "You are getting married!",
    ),
    "bad": (
        "{person} put a wet sock on my {thing}.", "Something is growing inside the {thing}.", "Get that {thing} away from me.",
        "{person} ate from my {thing} again.", "Who left the rotten fish at the {place}?", "You broke my {thing} and said nothing.",
        "{person} lied about the {place}.", "They spilled it over my {thing} and just left.", "That {thing} smells awful.",
    ),
    "low": (
        "{person} isn't coming back.", "I heard steps behind the {place} last night.", "The doctor called about {person}.",
        "They say the {place} will not survive the storm.", "I don't want to be alone at the {place}.", "We may lose the {thing}.",
        "Nobody has seen {person} since Monday.", "I keep dreaming of the old {place}.", "What if {person} never wakes up?",
    ),
    "plain": (
        "The {thing} is next to the {place}.", "{person} leaves at nine.", "We could meet at the {place}.",
        "I will bring the {thing} tomorrow.", "The bus stops at the {place}.", "{person} has the keys to the {place}.",
        "It takes an hour to the {place}.", "I put the {thing} on the table.",
    ),
}  # fmt: skip
EMPTY = ("Well, you know.", "So, that's that.", "Yes, I mean it.", "Anyway.", "Did you hear?", "There it is.", "I see.")
REPLIES = {
    "joy": ("I'm so happy for you!", "Congratulations!"),
    "surprise": ("I know, who would have guessed!", "Ha, you should see your face!"),
    "anger": ("Please don't shout at me.", "Calm down, it wasn't me."),
    "disgust": ("Yuck, I feel sick too.", "Don't even look at it."),
    "sadness": ("I'm so sorry.", "Come here, you can cry."),
    "fear": ("Don't be afraid, I'm with you.", "Hush, you are safe here."),
    "neutral": ("All right.", "Okay, noted."),
}
THINGS = (
    "guitar",
    "bicycle",
    "letter",
    "cake",
    "sofa",
    "coat",
    "radio",
    "ticket",
    "painting",
    "camera",
    "suitcase",
    "lamp",
)
PLACES = ("station", "bakery", "harbour", "library", "theatre", "garden", "museum", "café", "bridge", "school")

# Probabilities: that the words fit every emotion, that a voice or face is neutral, that the last emotion continues, that a part is missing.
EMPTY_LINE = 0.3
FLAT = 0.15
INERTIA = 0.3
NO_FACE, NO_VOICE, NO_CLIP = 0.08, 0.06, 0.02


@dataclass(frozen=True)
class ScriptLine:
    """One utterance of the script with all that its clip needs; `expression` or `tone` is `None` where it is missing."""

    dialogue: int
    utterance: int
    speaker: str
    text: str
    emotion: str
    tone: str | None
    expression: str | None
    seconds: float
    has_clip: bool
    seed: int


def write_script(dialogues: int, utterances: int, seed: int) -> Iterator[ScriptLine]:
    """The lines of `dialogues` dialogues of `utterances` utterances, each between two or three people."""
    for dialogue in range(dialogues):
        rng = random.Random(f"{seed}/{dialogue}")
        cast = rng.sample(PEOPLE, rng.choice((2, 3)))
        emotion, empty = "neutral", False
        for utterance in range(utterances):
            before, reply_due = emotion, empty
            if utterance == 0 or rng.random() > INERTIA:
                emotion = rng.choices(list(FREQUENCY), list(FREQUENCY.values()))[0]
            empty = rng.random() < EMPTY_LINE
            line = rng.choice(EMPTY if empty else LINES[SIGNS[emotion].theme])
            text = line.format(person=rng.choice(PEOPLE), thing=rng.choice(THINGS), place=rng.choice(PLACES))
            if utterance and (reply_due or rng.random() < 0.2):
                text = f"{rng.choice(REPLIES[before])} {text}"
            tone = SIGNS["neutral" if rng.random() < FLAT else emotion].tone
            expression = SIGNS["neutral" if rng.random() < FLAT else emotion].expression
            yield ScriptLine(
                dialogue=dialogue,
                utterance=utterance,
                speaker=cast[utterance % len(cast)],
                text=text,
                emotion=emotion,
                tone=None if rng.random() < NO_VOICE else tone,
                expression=None if rng.random() < NO_FACE else expression,
                seconds=round(rng.uniform(1.4, 2.4), 2),
                has_clip=rng.random() >= NO_CLIP,
                seed=rng.getrandbits(32),
            )
