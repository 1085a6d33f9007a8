from mmerc.corpora.transcripts.cue import Cue, Line, Segment


def test_defaults_name_no_speaker() -> None:
    assert Segment(0.0, 1.0, "Hi") == Segment(0.0, 1.0, "Hi", speaker="")
    assert Cue(0.0, None, (Line("Hi"),)) == Cue(0.0, None, (Line("Hi", "", None),), 0)
