"""Settings that the text encoders share."""

from typing import Literal

from pydantic import Field, model_validator

from mmerc.encoders.base import EncoderConfig

BACKBONE = "hub name or folder of a network, or scratch: a small network with a vocabulary learned from the corpus"


class TextConfig(EncoderConfig):
    """Settings of the text encoders."""

    backbone: str = Field(description=BACKBONE)
    history: int = Field(5, ge=0, description="utterances read before the current one")
    future: int = Field(
        1, ge=0, description="utterances read after the current one, in the offline protocol; the first is the reply"
    )
    max_tokens: int = Field(160, ge=8, description="tokens of the input; the oldest history is cut first")
    num_distractors: int = Field(1, ge=1, description="wrong replies per utterance in the next-sentence loss")
    next_sentence_weight: float = Field(
        0.0, ge=0, description="weight of the next-sentence loss, which selects the true reply among distractors"
    )
    language_model_weight: float = Field(
        0.0, ge=0, description="weight of the language-model loss on the tokens of the reply"
    )
    pooling: Literal["cls", "current", "both"] = Field(
        "cls", description="input of the classifier: [CLS], the mean of the current utterance's tokens, or both"
    )
    scratch_num_layers: int = Field(2, ge=1, description="layers of a scratch network")
    scratch_hidden_size: int = Field(64, ge=8, description="hidden size of a scratch network")
    scratch_vocab_size: int = Field(2000, ge=300, description="maximum size, in tokens, of a learned vocabulary")
    lora_rank: int = Field(
        0, ge=0, description="rank of the LoRA updates to a frozen backbone; 0 trains the whole backbone"
    )
    bf16: bool = Field(True, description="compute the backbone in bfloat16 where the hardware supports it")

    @model_validator(mode="after")
    def _check_warm_start(self) -> "TextConfig":
        if self.warm_start.startswith("model:") and trains_tokenizer(self):
            raise ValueError(
                "a vocabulary that is learned from the corpus does not fit another model: choose a backbone with its "
                "own vocabulary, or leave warm_start empty"
            )
        return self


def trains_tokenizer(config: TextConfig) -> bool:
    """Return whether the tokenizer is trained on the corpus, so that nothing is downloaded."""
    return config.backbone == "scratch" or (config.backbone == "openai-gpt" and not config.pretrained)
