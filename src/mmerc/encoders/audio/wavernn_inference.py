"""The mean feature of each hop that WaveRNN computes, for inference: the same numbers with a quarter fewer operations.

Nothing between the spectrogram and the gates of the first GRU is nonlinear. The layers there become one matrix, which is applied to
frames before they are smoothed to the sample rate: 80 times a second instead of 16,000. What a layer reads from the residual network
is the same for all samples of a hop, so it is multiplied once for each hop. It is for CPUs: a GPU computes the GRUs of torch faster.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from mmerc.encoders.audio.wavernn_network import WaveRnn
from mmerc.hardware import make_product

INPUT_WEIGHT, STATE_WEIGHT, INPUT_BIAS, STATE_BIAS = range(4)  # the order in `nn.GRU.all_weights`
SAMPLES_AT_ONCE = 50  # of each window: what they need then stays in the cache of the processor


@torch.no_grad()
def compute_hop_means(
    network: WaveRnn, waveform: Float[Tensor, "B S"], specgram: Float[Tensor, "B M T"], dtype: torch.dtype
) -> Float[Tensor, "B H f"]:
    """The mean of `WaveRnn.compute_features` over each of the H = S / hop_length hops, computed in `dtype`.

    The network must have `SMOOTHING_REACH` frames of context or more.
    """
    rnn1, rnn2, fc1, fc2 = network.rnn1.all_weights[0], network.rnn2.all_weights[0], network.fc1, network.fc2
    width, num_aux = network.rnn1.hidden_size, network.n_aux
    aux = torch.split(network.upsample.resnet(specgram).permute(2, 0, 1), num_aux, 2)[:4]  # each [H, B, a / 4]

    # The first layers. Their output has the input of the first GRU, and what its gates read from it: o = 4 * r.
    weight, bias = _fold_first_layers(network)
    from_wave, from_mel, from_aux = torch.split(weight, [1, specgram.shape[1], num_aux], 1)
    from_wave = from_wave[:, 0].to(dtype)
    frames = F.linear(specgram.permute(2, 0, 1), from_mel).to(dtype)  # [T, B, o]
    constant = F.linear(aux[0], from_aux, bias).to(dtype)  # [H, B, o]
    smoothing = network.upsample.compute_smoothing()  # [hop_length, K]
    mixing = F.pad(smoothing, (0, 1), value=1.0).to(dtype)  # [hop_length, K + 1]; the last column is for `constant`

    # The other layers read the output of the layer before, and a part of `aux`.
    layers = (rnn2[INPUT_WEIGHT], rnn2[INPUT_BIAS]), (fc1.weight, fc1.bias), (fc2.weight, fc2.bias)
    products = [make_product(weight[:, :-num_aux], None, dtype) for weight, _ in layers]
    from_hops = [
        F.linear(part, weight[:, -num_aux:], bias).to(dtype)  # [H, B, 3 * r], [H, B, f], [H, B, f]
        for part, (weight, bias) in zip(aux[1:], layers, strict=True)
    ]
    recurrent = [make_product(gru[STATE_WEIGHT], gru[STATE_BIAS], dtype) for gru in (rnn1, rnn2)]

    state1 = state2 = waveform.new_zeros(len(waveform), width, dtype=dtype)  # [B, r]
    sums = waveform.new_zeros(len(constant), len(waveform), fc2.out_features)  # [H, B, f]
    for hop, samples in enumerate(torch.split(waveform.T.to(dtype), network.hop_length)):  # [hop_length, B]
        start = hop + network.upsample.context - smoothing.shape[1] // 2
        near = torch.cat([frames[start : start + smoothing.shape[1]], constant[hop][None]])  # [K + 1, B, o]
        parts = (torch.split(each, SAMPLES_AT_ONCE) for each in (mixing, samples))
        for mix, wave in zip(*parts, strict=True):  # [s, K + 1], [s, B]
            first = torch.unflatten(mix @ near.flatten(1), 1, near.shape[1:])  # [s, B, o]
            x, gates = first.addcmul_(wave[..., None], from_wave).tensor_split([width], 2)
            y, state1 = run_gru(recurrent[0], gates, state1)
            x = y.add_(x)
            y, state2 = run_gru(recurrent[1], products[0](x).add_(from_hops[0][hop]), state2)
            x = y.add_(x)
            x = products[1](x).add_(from_hops[1][hop]).relu_()
            x = products[2](x).add_(from_hops[2][hop]).relu_()
            sums[hop] += x.sum(0, dtype=sums.dtype)
    return sums.transpose(0, 1) / network.hop_length


def _fold_first_layers(network: WaveRnn) -> tuple[Float[Tensor, "o i"], Float[Tensor, " o"]]:
    """Return one layer in place of two. Its outputs are those of `fc`, and then what the gates of the first GRU read from them."""
    fc, gru = network.fc, network.rnn1.all_weights[0]
    both = torch.cat([torch.eye(fc.out_features, device=fc.weight.device), gru[INPUT_WEIGHT]])  # [o, r]
    return both @ fc.weight, both @ fc.bias + F.pad(gru[INPUT_BIAS], (fc.out_features, 0))


def run_gru(
    product: Callable[[Tensor], Tensor], gates: Float[Tensor, "s B g"], state: Float[Tensor, "B r"]
) -> tuple[Float[Tensor, "s B r"], Float[Tensor, "B r"]]:
    """The outputs of a GRU and its last state.

    `gates`: what the reset gate, the update gate and the new value read from the input, g = 3 * r; it is overwritten. `product`
    gives what they read from a state.
    """
    width = state.shape[1]
    outputs = gates.new_empty(*gates.shape[:2], width)
    for own, own_new, output in zip(gates[..., : 2 * width], gates[..., 2 * width :], outputs, strict=True):
        read, read_new = product(state).tensor_split([2 * width], 1)  # [B, 2 * r], [B, r]
        reset, update = own.add_(read).sigmoid_().chunk(2, 1)
        state = torch.lerp(torch.addcmul(own_new, reset, read_new).tanh_(), state, update, out=output)
    return outputs, state.clone()
