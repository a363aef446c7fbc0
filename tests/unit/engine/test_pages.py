import pytest

from dalsegno.engine import pages
from dalsegno.model.errors import InvalidPageToken

QUESTION = ("steps", "run-1")


def test_a_token_gives_its_position_back() -> None:
    token = pages.encode(QUESTION, [3, "ä b", -1])

    assert pages.decode(QUESTION, token, (int, str, int)) == [3, "ä b", -1]


def test_a_token_is_made_of_plain_characters() -> None:
    token = pages.encode(QUESTION, [1, "ä?/+=&"])

    assert all(letter.isalnum() or letter in "-_" for letter in token)


@pytest.mark.parametrize("position", [[], [1], ["1", "a"], [1, 2], [1, "a", 3], [True, "a"]])
def test_a_position_of_other_kinds_is_refused(position: list[object]) -> None:
    token = pages.encode(QUESTION, position)

    with pytest.raises(InvalidPageToken):
        pages.decode(QUESTION, token, (int, str))


@pytest.mark.parametrize(
    "token", ["", "x", "====", "bm8", "W10", "bnVsbA", "e30", "é", "a b", "\x00"]
)
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(InvalidPageToken):
        pages.decode(QUESTION, token, (int, str))


def test_a_token_of_another_question_is_refused() -> None:
    token = pages.encode(("steps", "run-2"), [1, "a"])

    with pytest.raises(InvalidPageToken):
        pages.decode(QUESTION, token, (int, str))
