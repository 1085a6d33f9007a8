"""Settings that the text encoders share."""

from pydantic import Field, model_validator

from mmerc.encoders.base import EncoderConfig

SCRATCH = "scratch"
HEAD_SIZE = 32  # of the attention in a scratch network
BACKBONE = "hub name or folder of a network, or scratch: a small network with a vocabulary learned from the corpus"


class TextConfig(EncoderConfig):
    """Settings of the text encoders."""

    backbone: str = Field(description=BACKBONE)
    max_tokens: int = Field(ge=8, description="tokens that are read together")
    scratch_num_layers: int = Field(2, ge=1, description="layers of a scratch network")
    scratch_hidden_size: int = Field(64, ge=8, description="hidden size of a scratch network")
    scratch_vocab_size: int = Field(2000, ge=300, description="maximum size, in tokens, of a learned vocabulary")
    bf16: bool = Field(True, description="compute the backbone in bfloat16 where the hardware supports it")

    @model_validator(mode="after")
    def _check_warm_start(self) -> "TextConfig":
        if self.warm_start.startswith("model:") and has_learned_vocabulary(self):
            raise ValueError(
                "a vocabulary that is learned from the corpus does not fit another model: choose a backbone with its "
                "own vocabulary, or leave warm_start empty"
            )
        return self


def has_learned_vocabulary(config: TextConfig) -> bool:
    """Return whether the tokenizer is trained on the corpus, so that nothing is downloaded."""
    return config.backbone == SCRATCH or (config.backbone == "openai-gpt" and not config.pretrained)
