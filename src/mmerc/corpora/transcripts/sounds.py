"""What a transcript says about sounds, such as [Music], (laughs) or ♪: no people, and no words to be read."""

import re

# Beginnings of words for sounds, in the languages of many subtitles.
_STEMS = (
    "laugh|chuckl|giggl|snicker|sigh|gasp|cough|sneez|sniff|sob|cry|crie|weep|whimper|scream|shriek|shout|yell|groan|moan|grunt"
    "|growl|hum|whistl|whisper|mutter|mumbl|murmur|breath|pant|inhal|exhal|yawn|hiccup|clear|throat|music|song|sing|melod|appla"
    "|clap|cheer|crowd|audience|chatter|silence|silent|pause|beat|inaudib|indistinct|unintelligib|crosstalk|overlap|foreign|speaks|speaking"
    "|noise|static|beep|ring|buzz|bang|thud|knock|crash|explo|gunshot|siren|horn|honk|door|footstep|phone|bell|thunder|bark|meow"
    "|chirp|engine|blank|audio|sound|playing|click|typing|kiss|snor|scoff|gulp|slurp|squeal|squeak|rumbl|clatter|clink|rustl"
    "|lach|musik|applaus|seufz|schrei|wein|hust|rire|rit|musique|soupir|risa|ríe|música|aplauso|suspir|rumore|musica|ride|sospir"
    "|смех|смеё|муз|аплод|вздох|笑|音|拍手|掌声|掌聲"
)
SOUND_WORD = re.compile(rf"(?<!\w)(?:{_STEMS})", re.IGNORECASE)
_MANNER = r"O\.?S\.?|V\.?O\.?|O\.?C\.?|CONT['’]?D|CONT(?:INUED)?\.?|ON|OFF|OFF[- ]?SCREEN|OFF[- ]?CAMERA|ON PHONE|OVER \w+|IN [A-Z]\w+|TO \w+"
MANNER = re.compile(rf"(?:{_MANNER})$", re.IGNORECASE)
BRACKETS = re.compile(r"\[[^\[\]]{0,200}\]|【[^】]{0,200}】|［[^］]{0,200}］")
PARENTHESES = re.compile(r"\(([^()]{1,80})\)|（([^（）]{1,80})）|(?<![\w*])\*([^*\n]{1,40})\*(?![\w*])")
NOTES = re.compile(r"[♪♫♬♩🎵🎶]+")
MARKS = frozenset("[【［(（*♪♫♬♩🎵🎶")
_MARK = re.compile("[" + re.escape("".join(sorted(MARKS))) + "]")


def is_sound(label: str) -> bool:
    """Whether a label in brackets names a sound, and no person.

    >>> [is_sound(label) for label in ("LAUGHTER", "Door closes", "BLANK_AUDIO", "00:12", "Ross")]
    [True, True, True, True, False]
    """
    return bool(SOUND_WORD.search(label.replace("_", " "))) or not any(letter.isalpha() for letter in label)


def is_manner(label: str) -> bool:
    """Whether what stands in parentheses behind a name says how or from where someone speaks.

    >>> [is_manner(label) for label in ("O.S.", "laughing", "CONT'D", "she/her", "Guest")]
    [True, True, True, False, False]
    """
    return bool(MANNER.match(label.strip()) or SOUND_WORD.search(label))


def remove_sounds(text: str) -> str:
    """The words of a line without its sounds.

    Text in brackets is always removed. Text in parentheses is removed if it names a sound, or if it opens the line and has
    at most three words. Text between asterisks is removed only if it names a sound.

    >>> remove_sounds("[Music] Well (laughs), I never. ♪"), remove_sounds("I was (I think) there *sighs*")
    ('Well, I never.', 'I was (I think) there')
    """
    if not _MARK.search(text):
        return text
    text = NOTES.sub(" ", BRACKETS.sub(" ", text))
    text = PARENTHESES.sub(lambda found: _keep_or_drop(found, text), text)
    return re.sub(r"\s+([,.;!?…])", r"\1", " ".join(text.split())) if text.strip() else ""


def _keep_or_drop(found: re.Match[str], text: str) -> str:
    inside = next(group for group in found.groups() if group is not None)
    if is_sound(inside.strip()) and not inside.strip().isdecimal():
        return " "
    is_remark = found.lastindex != 3 and not text[: found.start()].strip() and len(inside.split()) <= 3
    return " " if is_remark else found[0]
