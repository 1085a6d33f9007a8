import pytest

from mmerc.errors import ConfigError
from mmerc.fusion import FUSIONS, FusionConfig, build_fusion, check_fusion_config, parse_fusion_names


@pytest.mark.parametrize("name", FUSIONS)
def test_each_name_builds_its_fusion(name: str) -> None:
    config = FusionConfig(name=name, d_model=8, num_heads=2, fused_size=8)
    fusion = build_fusion(config, {"a": 3, "b": 2}, 4, protocol="online")
    assert type(fusion) is FUSIONS[name]
    assert fusion.protocol == "online" and fusion.widths == {"a": 3, "b": 2}
    assert fusion.has_dialogue_context == FUSIONS[name].reads_dialogue


def test_an_unknown_name_suggests_the_nearest_one() -> None:
    config = FusionConfig(name="late_avraging")
    for check in (check_fusion_config, lambda config: build_fusion(config, {"a": 3}, 4)):
        with pytest.raises(ConfigError, match=r'no fusion "late_avraging": did you mean "late_averaging"\?'):
            check(config)
    with pytest.raises(ConfigError, match='no fusion "zzz": choose one of crossmodal_embracenet, embracenet'):
        check_fusion_config(FusionConfig(name="zzz"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"dialogue_context": True, "fused_size": 7, "d_model": 8, "num_heads": 1}, r"fused_size is 7: .* even number"),
        ({"dialogue_context": True, "fused_size": 10}, r"fused_size is 10: .* fusion.num_heads \(4\) divides"),
        ({"name": "ctnet", "fused_size": 10}, "fused_size is 10"),
        ({"dialogue_context": True, "name": "late_averaging"}, "late_averaging has none: set it to false"),
        ({"dialogue_context": True, "name": "late_stacking"}, "late_stacking has none"),
    ],
)
def test_settings_with_which_a_fusion_cannot_read_the_dialogue(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_fusion_config(FusionConfig(**settings))  # type: ignore[arg-type]


def test_the_same_settings_are_allowed_without_a_dialogue() -> None:
    assert check_fusion_config(FusionConfig(fused_size=10)) is None
    assert check_fusion_config(FusionConfig(name="late_stacking")) is None
    assert check_fusion_config(FusionConfig(name="ctnet")) is None


def test_names_are_parsed_from_a_list() -> None:
    assert parse_fusion_names(" mult,, ctnet ") == ["mult", "ctnet"]
    assert parse_fusion_names("all") == list(FUSIONS)
    with pytest.raises(ConfigError, match='there is no fusion "multi": did you mean "mult"'):
        parse_fusion_names("ctnet,multi")
