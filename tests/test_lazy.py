import pytest

from mmerc.lazy import make_getattr


def test_a_name_is_imported_from_its_module() -> None:
    find = make_getattr("package", {"join": "posixpath"})
    assert find("join")("a", "b") == "a/b"
    with pytest.raises(AttributeError, match="module 'package' has no attribute 'split'"):
        find("split")
