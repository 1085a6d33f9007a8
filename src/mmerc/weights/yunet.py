"""YuNet from OpenCV's ONNX file: the names of its parameters."""

from mmerc.errors import WeightsError
from mmerc.weights.tensors import Tensors

# The exporter merged the batch normalisation into these convolutions. It numbered the results, in this order, from 319 in steps of three;
# the bias has the next number.
NUMBERED = (
    "model0.conv1",
    "model0.conv2.conv2",
    *(f"model{stage}.conv{half}.conv2" for stage in range(1, 7) for half in (1, 2)),
    *(f"head.{level}.conv1.conv2" for level in range(4)),
)
FIRST_NUMBER, STEP = 319, 3


def convert_yunet(tensors: Tensors) -> Tensors:
    """The parameters of `mmerc.encoders.face.yunet.YuNet` from the tensors of `face_detection_yunet_2021sep.onnx`.

    Raises:
        WeightsError: a tensor is missing.
    """
    names: dict[str, str] = {}
    for index, module in enumerate(NUMBERED):
        number = FIRST_NUMBER + STEP * index
        names |= {str(number): f"{module}.weight", str(number + 1): f"{module}.bias"}
    missing = sorted(names.keys() - tensors.keys())
    if missing:
        raise WeightsError(f"the ONNX file of YuNet has no tensor {missing[0]}: use the file of September 2021.")
    return {f"network.{names.get(name, name)}": tensor for name, tensor in tensors.items()}
