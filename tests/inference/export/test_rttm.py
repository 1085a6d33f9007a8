from mmerc.inference.export.rttm import make_rttm
from tests.inference.export.predictions import PROVENANCE, make_document, make_prediction


def test_a_line_for_each_utterance_after_the_provenance() -> None:
    document = make_document(
        make_prediction("Hi", 0.5, 1.25, speaker="Ann B"), make_prediction("x", 1.0, 2.0, speaker="")
    )
    assert make_rttm(document).splitlines() == [
        f";; {PROVENANCE.to_text()}",
        "SPEAKER talk 1 0.500 0.750 <NA> <NA> Ann%20B <NA> <NA>",
        "SPEAKER talk 1 1.000 1.000 <NA> <NA> <NA> <NA> <NA>",
    ]
