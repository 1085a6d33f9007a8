from mmerc.evaluation.published import SUPPORT, TABLE_1, TABLE_2, TABLE_3


def test_the_majority_row_follows_from_the_supports() -> None:
    share = SUPPORT["neutral"] / sum(SUPPORT.values())
    assert sum(SUPPORT.values()) == 2610
    assert TABLE_2["majority"]["accuracy"] == round(100 * share, 1)
    assert TABLE_2["majority"]["f1_weighted"] == round(100 * share * 2 * share / (1 + share), 1)


def test_tables_agree_with_each_other() -> None:
    for name, numbers in TABLE_2.items():
        if name in TABLE_1:
            recall = sum(SUPPORT[label] * row[1] for label, row in TABLE_1[name].items()) / 2610
            assert abs(recall - numbers["accuracy"]) < 0.1
    printed = {(parts, kind): f1 for model, parts, _, f1, kind in TABLE_3 if model == "Xie et al. 2021"}
    assert printed["text", "f1_weighted"] == TABLE_2["text"]["f1_weighted"]
    assert printed["audio, face, text", "f1_of_weighted_pr"] == TABLE_2["fused"]["f1_of_weighted_pr"]
