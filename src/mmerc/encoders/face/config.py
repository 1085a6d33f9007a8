"""Settings of the face encoder."""

from typing import Literal

from pydantic import Field

from mmerc.encoders.base import EncoderConfig
from mmerc.encoders.face.selection import TrackChoice
from mmerc.media.video import MAX_SIDE

OWN_BACKBONES = ("cnn", "resnet")  # networks without public weights, which are trained together with the GRU


class FaceConfig(EncoderConfig):
    """Settings of the face encoder."""

    backbone: str = Field(
        "facenet", description="facenet, cnn, resnet, or the hub name or folder of an image network of transformers"
    )
    backbone_weights: str = Field(
        "",
        description="weights of the backbone; facenet: vggface2 (default) or casia-webface; cnn and resnet: random "
        "initialisation (default) or the folder of a trained model, whose face network is then frozen",
    )
    train_backbone: bool = Field(
        False, description="fine-tune a pre-trained backbone; otherwise it is frozen and its embeddings are stored"
    )
    detector: Literal["mtcnn", "yunet"] = Field(
        "mtcnn", description="mtcnn (the paper's), or yunet, which is several times faster"
    )
    num_frames: int = Field(50, ge=1, le=500, description="number of frames that are read, evenly spaced")
    track: TrackChoice = Field(
        "largest",
        description="which face is read: the largest one of each frame (the paper), the person who is seen longest, or the "
        "person who speaks",
    )
    skip_small_faces: bool = Field(
        False,
        description="search for small faces only in frames without a face of at least a sixth of the shorter side; only if "
        "`track` is largest",
    )
    max_frame_side: int = Field(
        MAX_SIDE, ge=64, description="pixels of a frame's longer side; larger frames are reduced to this size"
    )
    min_face_size: int = Field(
        20, ge=12, description="side in pixels of the smallest face that is found, in the reduced frame"
    )
    crop_size: int = Field(48, ge=16, description="side in pixels of the crops that the cnn and resnet backbones read")
    square_crop: bool = Field(
        False,
        description="crop a square with the side of the face's height, as in FER-2013; false crops the detected box and "
        "stretches it to a square (the paper)",
    )
    conv_channels: int = Field(
        32, ge=8, description="channels of the first convolution of the cnn and resnet backbones"
    )
    max_rotation: float = Field(15.0, ge=0, le=180, description="largest random rotation in training, in degrees")
    max_translation: float = Field(
        0.08, ge=0, le=0.5, description="largest random translation in training, as a fraction of the crop's side"
    )
    max_zoom: float = Field(
        0.1, ge=0, lt=1, description="largest random zoom in training, as a fraction: 0.1 is 0.9 to 1.1 times the size"
    )
    max_stretch: float = Field(
        0.0, ge=0, lt=1, description="largest random change of the ratio of width to height in training, as a fraction"
    )
    augmentation_probability: float = Field(
        0.0,
        ge=0,
        le=1,
        description="probability in training of each of these changes: exposure, blur, noise, a hidden part",
    )
    test_time_flip: bool = Field(
        False, description="in prediction, average the embeddings of each crop and of its mirror image"
    )
    bf16: bool = Field(True, description="train the backbone in bfloat16 if the hardware supports it")
    hidden_size: int = Field(256, ge=4, description="units of the GRU")
    dropout: float = Field(
        0.3, ge=0, lt=1, description="dropout probability in the cnn and resnet backbones and in the classifier"
    )
