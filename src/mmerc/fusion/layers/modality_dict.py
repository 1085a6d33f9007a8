"""One module or parameter per modality, for any name that a modality may have."""

from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar, cast

from torch import nn

Part = TypeVar("Part", bound=nn.Module | nn.Parameter)
PREFIX = "modality_"


class ModalityDict(nn.Module, Generic[Part]):
    """A read-only dictionary from modality to module or parameter, in the order in which it was given.

    `nn.ModuleDict` and `nn.ParameterDict` refuse keys that are names of their own attributes, such as "keys" or "type".
    Here each part is registered under `modality_<name>`, which is also its name in the state dict.

    >>> linears = ModalityDict({"keys": nn.Linear(2, 3), "type": nn.Linear(4, 3)})
    >>> linears["type"].in_features, list(linears.state_dict())[0]
    (4, 'modality_keys.weight')
    """

    def __init__(self, parts: Mapping[str, Part]) -> None:
        super().__init__()
        self._names = tuple(parts)
        for name, part in parts.items():
            setattr(self, PREFIX + name, part)

    def __getitem__(self, name: str) -> Part:
        if name not in self._names:
            raise KeyError(name)
        return cast(Part, getattr(self, PREFIX + name))

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def items(self) -> Iterator[tuple[str, Part]]:
        return ((name, self[name]) for name in self._names)
