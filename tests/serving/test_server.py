import socket

import pytest

from mmerc.errors import ConfigError
from mmerc.serving.server import check_token, is_open, listen, names_of


def test_a_private_service_answers_to_this_machines_names_only() -> None:
    assert names_of("127.0.0.1") == ["localhost", "127.0.0.1", "[::1]", "127.0.0.1"]
    assert names_of("::") == ["*"]


def test_a_socket_takes_connections_at_once() -> None:
    with listen("127.0.0.1", 0) as listening, socket.create_connection(listening.getsockname(), timeout=5) as client:
        assert client.getpeername() == listening.getsockname()


def test_what_is_no_address_of_this_machine_is_one_sentence() -> None:
    with pytest.raises(
        ConfigError, match="203.0.113.7, port 80 .*: choose another --port, or a --host of this machine"
    ):
        listen("203.0.113.7", 80)


def test_tokens_that_let_everybody_in_or_nobody() -> None:
    for token in ("", "  ", "secret ", "schlüssel", "a\nb"):
        with pytest.raises(ConfigError, match="the token is empty, begins or ends with a blank, or is not of ASCII"):
            check_token(token)
    check_token(None)
    check_token("a long secret")
    assert is_open("0.0.0.0") and is_open("192.168.0.7") and not is_open("localhost") and not is_open("127.0.0.1")
