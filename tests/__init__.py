"""How the tests check annotations while they run: an int is a float, as in the language's own rules."""

from beartype import BeartypeConf, beartype

checked = beartype(conf=BeartypeConf(is_pep484_tower=True))
