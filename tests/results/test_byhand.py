"""What is told of a forward by hand is the forward's own, in each form."""

import re
from pathlib import Path

import numpy as np
import pytest
from transformers import GPT2Config

from tests.byhand.followed import PIECES, Followed, small
from tests.byhand.models import gpt2
from tests.results.test_page import content_of
from token_explorer.byhand.forward import forward
from token_explorer.byhand.lines import MINUS, Dot, Sum
from token_explorer.core.engine import ModelSpec, Stop
from token_explorer.core.tokens import TokenIds
from token_explorer.engine.local import LocalEngine
from token_explorer.errors import FacetUnavailable, InputError
from token_explorer.results import completion, worked
from token_explorer.results.byhand import MOST_COLUMNS, ByHand, follow
from token_explorer.results.exercise import given, set_exercise, solution
from token_explorer.results.matrix import matrix, wrapped
from token_explorer.results.opened import open_model
from token_explorer.results.table import cells
from token_explorer.results.wanted import Wanted

IDS: TokenIds = (1, 0, 3, 5, 6)


def followed(
    wanted: Wanted | None = None, engine: Followed | None = None, width: int = 100, ids: TokenIds = IDS
) -> ByHand:
    opened = open_model(engine or Followed(), lambda progress: None)
    return follow(opened, ids, wanted or Wanted(), width, Stop())


def lines(made: ByHand) -> list[str]:
    return [line.plain for line in made.text()]


def test_the_document_has_the_numbers_of_the_forward() -> None:
    made, expected = followed().document(), forward(small(), IDS)
    assert made["parameters"] == small().count
    assert [step["name"] for step in made["steps"]] == [step.name for step in expected.steps]
    for told, step in zip(made["steps"], expected.steps, strict=True):
        values = np.array(told["values"], dtype=np.float64)  # null is NaN
        np.testing.assert_array_equal(values, np.where(np.isinf(step.values), np.nan, step.values))
        assert told["shape"] == list(step.values.shape)
        assert told["workings"] == []


def test_the_text_has_the_numbers_of_the_document() -> None:
    made = followed()
    shown = "\n".join(lines(made))
    for step in made.steps:
        part = shown.partition(f"\n{step.name}  ")[2].partition("\n\n")[0]
        for row in step.values:
            for value in row:
                assert worked.of_step(step, float(value)) in part


@pytest.mark.parametrize("width", [40, 80, 120])
def test_no_line_of_numbers_is_wider_than_the_terminal(width: int) -> None:
    made = followed(Wanted(positions=(2,)), width=width)
    titles, formulas = [step.name for step in made.steps], [step.formula for step in made.steps]
    for line in lines(made)[8:-7]:
        is_title = any(line.startswith(title) for title in titles)
        assert is_title or line.strip() in formulas or cells(line) <= width


def test_what_comes_next_is_what_complete_says() -> None:
    made = followed()
    opened = made.opened
    own = completion.complete(opened, IDS, 5, False, Stop())
    table = [line.plain for line in own.text()][:6]
    assert lines(made)[-7:-1] == table
    document = own.document()["candidates"]
    assert made.document()["candidates"] == [
        {key: value for key, value in each.items() if key != "cumulative"} for each in document
    ]
    assert made.difference < 1e-6


def test_a_real_engines_next_tokens_are_those_of_the_forward(tmp_path: Path) -> None:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(WordLevel({f"w{id}": id for id in range(32)}, unk_token="w0"))
    words.pre_tokenizer = Whitespace()
    gpt2(
        GPT2Config(vocab_size=32, n_positions=8, n_embd=16, n_layer=2, n_head=2, initializer_range=0.3)
    ).save_pretrained(tmp_path)
    PreTrainedTokenizerFast(tokenizer_object=words).save_pretrained(tmp_path)
    opened = open_model(LocalEngine(ModelSpec(name=str(tmp_path), device="cpu")), lambda progress: None)
    ids = opened.engine.encode("w1 w2 w3 w4")
    made = follow(opened, ids, Wanted(("probabilities",)), 100, Stop())
    own = completion.complete(opened, ids, 5, False, Stop()).document()
    assert [each["id"] for each in made.document()["candidates"]] == [
        each["id"] for each in own["candidates"]
    ]
    assert made.difference < 1e-6


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (Wanted(("scores",), (1,), (2,)), ["layer 1 head 2 scores"]),
        (Wanted(("layer 2 head 1 q",)), ["layer 2 head 1 q"]),
        (Wanted(("logits", "embeddings")), ["embeddings", "logits"]),
        (Wanted(("heads",)), ["layer 1 heads", "layer 2 heads"]),
    ],
)
def test_only_the_steps_that_are_named_are_told(wanted: Wanted, names: list[str]) -> None:
    assert [step["name"] for step in followed(wanted).document()["steps"]] == names


def test_a_position_and_a_column_choose_numbers_and_have_them_worked_out() -> None:
    made = followed(Wanted(("scores",), positions=(4,), column=2)).document()["steps"]
    forward_ = forward(small(), IDS)
    for told in made:
        step = forward_.find("scores", told["layer"], told["head"])
        assert told["values"] == [[step.values[3, 1]]]
        (working,) = told["workings"]
        assert (working["position"], working["column"]) == (4, 2)
        assert working["lines"][-1]["value"] == pytest.approx(step.values[3, 1])
        assert working["lines"][-1]["name"] == "s[4,2]"


def test_a_position_alone_has_each_number_of_its_rows_worked_out() -> None:
    (told,) = followed(Wanted(("logits",), positions=(5,))).document()["steps"]
    assert [each["column"] for each in told["workings"]] == list(range(1, len(PIECES) + 1))


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (Wanted(("score",)), "Did you mean scores"),
        (Wanted(("quux",)), "Steps are token-embedding"),
        (Wanted(layers=(3,)), "--layer 3, and there are 2 layers"),
        (Wanted(heads=(3,)), "--head 3, and there are 2 heads"),
        (Wanted(positions=(6,)), "--position 6, and there are 5 tokens"),
        (Wanted(("logits",), column=9), "--column 9, and there are 8 columns"),
        (Wanted(("logits",), layers=(1,)), "no step is all that the flags name"),
    ],
)
def test_what_is_not_there_is_refused_in_words(wanted: Wanted, said: str) -> None:
    with pytest.raises(InputError) as error:
        followed(wanted)
    assert said in str(error.value)


def test_a_model_that_cannot_be_followed_is_named_with_the_reason() -> None:
    engine = Followed()
    engine.why_not = "this is a LlamaForCausalLM"
    with pytest.raises(FacetUnavailable, match="small: this is a LlamaForCausalLM") as error:
        followed(engine=engine)
    assert error.value.exit_code == 2


def test_no_token_is_nothing_to_follow() -> None:
    with pytest.raises(InputError, match="Nothing to follow"):
        followed(ids=())


def test_columns_beyond_a_bound_are_said_to_be_left_out() -> None:
    made = followed(Wanted(("mlp-in",), (1,)), Followed(small(width=40)))
    shown = lines(made)
    assert any(f"columns 1 to {MOST_COLUMNS} of 160" in line for line in shown)
    assert len(made.document()["steps"][0]["columns"]) == 160


def test_hostile_tokens_are_text_in_lines_and_page() -> None:
    for made in (followed(), followed(Wanted(("probabilities", "attention"), positions=(4,)))):
        assert all(line.isprintable() or not line for line in lines(made))
        page = made.page()
        assert "<b>[/b]" not in page
        assert "\x1b" not in page
        assert content_of(page)["tokens"] == ["hello", "␣", "[/b]", "␛[31mred", "日本"]


def test_the_page_has_the_numbers_as_text_has_them() -> None:
    made = followed()
    content = content_of(made.page())
    for told, step in zip(content["steps"], made.steps, strict=True):
        assert told["values"] == [
            [worked.of_step(step, float(value)) for value in row] for row in step.values
        ]
        assert told["workings"]


def test_small_numbers_are_no_false_zeros() -> None:
    assert worked.figure(0.0) == "0.0000"
    assert worked.figure(-1.23456) == f"{MINUS}1.2346"
    assert worked.figure(3e-6) == "3.0e-6"
    assert worked.figure(-4.4e-5) == f"{MINUS}4.4e-5"
    assert worked.figure(float("-inf")) == f"{MINUS}∞"


def test_a_sum_of_small_numbers_shows_each_of_them() -> None:
    line = Sum("Σ", "all", np.array([1.0, 2e-6, -3e-5]))
    assert worked.calculation(line) == f"1.0000 + 2.0e-6 + ({MINUS}3.0e-5)"
    dot = Dot("Σ", "a · b", np.array([2e-6]), np.array([-0.5]), "a", "b")
    assert worked.calculation(dot) == f"2.0e-6×({MINUS}0.5000)"


def test_a_matrix_stands_in_blocks_and_a_long_line_is_broken() -> None:
    shown = [line.plain for line in matrix(["1 a"], ["1", "2", "3"], [["0.1", "0.2", "0.3"]], 16)]
    assert shown == ["         1    2", "  1 a  0.1  0.2", "         3", "  1 a  0.3"]
    broken = [line.plain for line in wrapped("s = 1 + 2 + 3 + 4", 12)]
    assert "".join(broken).replace(" ", "") == "s=1+2+3+4"
    assert all(len(line) <= 12 for line in broken)


def test_an_exercise_is_on_paper_as_it_is_asked() -> None:
    opened = open_model(Followed(), lambda progress: None)
    made = set_exercise(opened, IDS, 3, Stop())
    asked = content_of(made.page())["questions"]
    assert len(asked) == 8
    for told, question in zip(asked, made.questions, strict=True):
        assert told["given"] == list(given(question))
        assert told["working"] == list(solution(question))
        assert not any(line in " ".join(told["given"]) for line in told["working"])
    assert re.search(r"next (\[/b\]|fox|hello|world|␣|日本|</script><b>|␛\[31mred)$", asked[-1]["where"])
