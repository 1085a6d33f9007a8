"""Where the server listens, and under which names."""

import json
import signal
import socket
import threading

import httpx
import pytest
import uvicorn
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from mmerc.errors import ConfigError, RunError
from mmerc.serving import Limits, create_app
from mmerc.serving.server import (
    DrainingServer,
    check_token,
    format_url,
    is_open,
    list_allowed_hosts,
    listen,
    normalise_root_path,
    serve,
)
from tests.serving.service import serve_in_thread
from tests.serving.stub import StubPredictor


def test_allowed_hosts() -> None:
    assert list_allowed_hosts("127.0.0.1") == ["localhost", "127.0.0.1", "[::1]"]
    assert list_allowed_hosts("fe80::2") == ["localhost", "127.0.0.1", "[::1]", "[fe80::2]"]
    assert list_allowed_hosts("::") == ["*"]
    assert list_allowed_hosts("::", ["Emo.example.org"])[-1] == "emo.example.org"
    with pytest.raises(ConfigError, match='"http://a" is not a host name'):
        list_allowed_hosts("127.0.0.1", ["http://a"])


def test_addresses_of_ipv6_have_brackets() -> None:
    assert format_url("::1", 8138) == "http://[::1]:8138/"
    assert format_url("localhost", 80, "/emotions") == "http://localhost:80/emotions/"


def test_root_paths() -> None:
    assert [normalise_root_path(path) for path in ("", "/", "/a", "/a/b/")] == ["", "", "/a", "/a/b"]
    for path in ("a", "/a b", "http://a", "//a"):
        with pytest.raises(ConfigError, match="is not a path: begin it with a slash"):
            normalise_root_path(path)


def test_a_socket_accepts_connections_at_once() -> None:
    with listen("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname(), timeout=5) as client:
        assert client.getpeername() == listener.getsockname()


def test_a_service_at_an_address_of_ipv6() -> None:
    try:
        listen("::1", 0).close()
    except ConfigError:
        pytest.skip("this machine has no IPv6")
    app = create_app(StubPredictor(), allowed_hosts=list_allowed_hosts("::1"))
    with serve_in_thread(app, host="::1") as address:
        url = format_url("::1", int(address.rpartition(":")[2]))
        assert httpx.get(f"{url}healthz").json() == {"status": "ok"}


def test_the_limits_and_the_prefix_reach_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    configs: list[uvicorn.Config] = []
    monkeypatch.setattr(uvicorn.Server, "run", lambda server, sockets: configs.append(server.config))
    limits = Limits(max_message_bytes=5000, max_connections=7)
    with listen("127.0.0.1", 0) as listener:
        serve(create_app(StubPredictor()), listener, limits, root_path="/emotions")
    (config,) = configs
    assert (config.root_path, config.ws_max_size, config.limit_concurrency) == ("/emotions", 5000, 7)


def test_an_address_of_another_machine_is_one_sentence() -> None:
    with pytest.raises(
        ConfigError, match="203.0.113.7, port 80 .*: choose another --port, or a --host of this machine"
    ):
        listen("203.0.113.7", 80)


def test_tokens_that_no_client_can_send() -> None:
    for token in ("", "  ", "secret ", "schlüssel", "a\nb"):
        with pytest.raises(
            ConfigError, match="the token is empty, begins or ends with a space, or has characters outside"
        ):
            check_token(token)
    check_token(None)
    check_token("a long secret")


def test_which_addresses_other_machines_can_reach() -> None:
    assert is_open("0.0.0.0") and is_open("192.168.0.7") and not is_open("localhost") and not is_open("127.0.0.1")


def test_a_model_that_cannot_be_loaded_ends_the_server() -> None:
    def load() -> StubPredictor:
        raise RunError("RUN/model is no model.")

    with listen("127.0.0.1", 0) as listener, pytest.raises(RunError, match="RUN/model is no model"):
        serve(create_app(load), listener, Limits())


def test_when_the_service_stops_a_stream_gets_its_last_prediction() -> None:
    app = create_app(StubPredictor())
    with listen("127.0.0.1", 0) as listener:
        server = DrainingServer(uvicorn.Config(app, log_config=None), app.state.service, 5.0)
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        with connect(f"ws://127.0.0.1:{listener.getsockname()[1]}/v1/stream") as stream:
            stream.send(json.dumps({"type": "start"}))
            stream.recv()
            stream.send(json.dumps({"type": "text", "text": "You came back!"}))
            stream.send(json.dumps({"type": "end"}))
            assert json.loads(stream.recv())["text"] == "You came back!"
            stream.send(json.dumps({"type": "text", "text": "Bye."}))
            stream.send("{")  # its error says that the text has arrived
            assert json.loads(stream.recv())["type"] == "error"
            server.handle_exit(signal.SIGTERM, None)
            assert json.loads(stream.recv())["text"] == "Bye."
            with pytest.raises(ConnectionClosed):
                stream.recv()
        assert stream.close_code == 1012
        server._captured_signals.clear()  # it would raise them in this process
        thread.join(20)
    assert not thread.is_alive() and app.state.service.find_obstacle().startswith("the service is stopping")
