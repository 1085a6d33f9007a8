import pytest

from mmerc.config import validate
from mmerc.encoders.face.config import FaceConfig
from mmerc.errors import ConfigError


def test_the_defaults_are_those_of_the_paper() -> None:
    config = FaceConfig(encoder="face")
    assert (config.backbone, config.detector, config.num_frames, config.track) == ("facenet", "mtcnn", 50, "largest")
    assert not config.square_crop and not config.test_time_flip


@pytest.mark.parametrize("settings", [{"detector": "haar"}, {"max_stretch": 1.0}, {"augmentation_probability": 2}])
def test_a_wrong_value_is_named(settings: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=f"face.{next(iter(settings))}"):
        validate(FaceConfig, {"encoder": "face", **settings}, "face")
