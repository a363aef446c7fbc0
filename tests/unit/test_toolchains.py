from collections.abc import Callable

import pytest

from tests.toolchains import need_go, need_node


@pytest.mark.parametrize(("need", "what"), [(need_go, "Go"), (need_node, "Node.js 20 or newer")])
def test_a_missing_toolchain_is_told_in_one_line_and_is_a_failure_in_ci(
    need: Callable[[], None], what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")

    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match=f"^there is no {what}$"):
        need()

    monkeypatch.setenv("CI", "1")
    with pytest.raises(pytest.fail.Exception, match=f"^there is no {what}, which CI must have$"):
        need()
