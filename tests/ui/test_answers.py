"""What is remembered of answers: the newest within a bound, and said to be reused."""

from tests.fakes import encode, score
from token_explorer.ui.answers import Answers

IDS = encode("Once upon a time, there was a very small girl")


def test_an_answer_comes_back_as_it_was_but_for_what_is_reused() -> None:
    answers = Answers()
    kept = score(IDS, 5, reused=2)
    answers.keep(kept)
    again = answers.of(IDS)
    assert again is not None
    assert again.logprobs is kept.logprobs
    assert again.next is kept.next
    assert again.reused == len(IDS)
    assert answers.of(IDS[:3]) is None


def test_the_longest_unused_is_forgotten_first() -> None:
    answers = Answers(tokens=9)
    for length in (2, 3, 4):
        answers.keep(score(IDS[:length], 5))
    assert answers.of(IDS[:2]) is not None
    answers.keep(score(IDS[:1], 5))
    assert [length for length in (1, 2, 3, 4) if answers.of(IDS[:length])] == [1, 2, 4]


def test_one_answer_is_kept_however_long() -> None:
    answers = Answers(tokens=1)
    answers.keep(score(IDS, 5))
    answers.keep(score(IDS, 5))
    assert answers.of(IDS) is not None


def test_a_peek_sees_what_is_kept_now() -> None:
    answers = Answers(tokens=len(IDS))
    assert answers.peek(IDS) is None
    answers.keep(kept := score(IDS, 5))
    assert answers.peek(IDS) is kept
    assert answers.peek(IDS) is kept
    assert answers.of(IDS) is answers.peek(IDS)
    answers.keep(score(IDS[:1], 5))
    assert answers.peek(IDS) is None
