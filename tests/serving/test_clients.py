from mmerc.serving.clients import CLIENT, get_address


def test_the_address_of_a_client() -> None:
    assert get_address({"client": ("::1", 80)}) == "::1" and get_address({}) == "unknown" and CLIENT.get() == ""
