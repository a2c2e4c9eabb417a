from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import tomli
from hypothesis import given
from hypothesis import strategies as st

from token_explorer import config
from token_explorer.config import (
    FRESH_SEED,
    SECTIONS,
    DisplaySettings,
    SamplerSettings,
    Settings,
    find,
    load,
    parse,
    render,
)
from token_explorer.core.sampling import KNOBS, Knob, Sampler
from token_explorer.errors import ConfigError
from token_explorer.rules import Number
from token_explorer.ui.keys import KEYS, remap

SHIPPED = Path(__file__).parent.parent / "config.toml"
HERE = Path("some/config.toml")


def rendered() -> str:
    """What config.toml should hold. To write it: python tests/test_config.py"""
    return render({key.id: key.keys for key in KEYS})


def refusal(text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        parse(text, HERE)
    assert str(HERE) in caught.value.message
    return caught.value


def write(path: Path, max_prompts: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"[prompt]\nmax_prompts = {max_prompts}\n")
    return path


# The file that is shipped


def test_the_shipped_file_is_what_the_code_declares() -> None:
    assert SHIPPED.read_text(encoding="utf-8") == rendered(), rendered.__doc__


def test_the_shipped_file_holds_every_setting_with_its_default() -> None:
    tables = tomli.loads(SHIPPED.read_text(encoding="utf-8"))
    assert parse(SHIPPED.read_text(encoding="utf-8"), SHIPPED) == Settings(source=SHIPPED)
    for section, kind in SECTIONS.items():
        assert tables[section] == {each.name: each.default for each in fields(kind)}


def test_the_keys_commented_in_the_shipped_file_can_be_uncommented() -> None:
    head, keys = SHIPPED.read_text(encoding="utf-8").split("[keys]\n")
    lines = [line.removeprefix("# ") for line in keys.splitlines() if " = [" in line]
    settings = parse("\n".join([head, "[keys]", *lines]), SHIPPED)
    assert remap(settings.keys, SHIPPED) == KEYS
    assert len(lines) == len(KEYS)


def test_the_seeds_settings_keep_their_names_and_defaults() -> None:
    settings = Settings()
    assert settings.model.name == "embedded"
    assert settings.prompt.example_prompt == "Once upon a time, there was a"
    assert (settings.prompt.max_prompts, settings.display.tokens_to_show) == (9, 30)
    assert settings.display.cache_size == 100


def test_every_knob_of_the_sampler_has_a_setting_by_its_name_that_is_off_and_ruled_by_it() -> None:
    *knobs, seed = fields(SamplerSettings)
    assert [(each.name, each.default, each.metadata["rule"]) for each in knobs] == [
        (knob.name, knob.off, knob) for knob in KNOBS
    ]
    assert seed.name == "seed"
    assert Settings().sampler.sampler.is_off
    assert Settings().sampler.seed == FRESH_SEED


@pytest.mark.parametrize("kind", SECTIONS.values())
def test_every_default_is_allowed(kind: type[Any]) -> None:
    assert all(each.metadata["rule"].accepts(each.default) for each in fields(kind))


# Where it is found


@pytest.fixture
def places(tmp_path: Path) -> dict[str, Path]:
    """A file in every place, each with another max_prompts."""
    names = ("flag/a.toml", "variable/b.toml", "here/config.toml", "user/config.toml")
    return {name.split("/")[0]: write(tmp_path / name, number) for number, name in enumerate(names, 1)}


def test_the_first_place_that_has_a_file_is_read_and_no_other(places: dict[str, Path]) -> None:
    env = {config.VARIABLE: str(places["variable"])}
    here, user = places["here"].parent, places["user"].parent
    assert load(places["flag"], env, here, user).prompt.max_prompts == 1
    assert load(None, env, here, user).prompt.max_prompts == 2
    assert load(None, {}, here, user).prompt.max_prompts == 3
    places["here"].unlink()
    assert load(None, {}, here, user).prompt.max_prompts == 4
    places["user"].unlink()
    assert load(None, {}, here, user) == Settings()


def test_settings_tell_the_file_that_they_come_from(places: dict[str, Path]) -> None:
    assert load(places["flag"], {}, Path(), Path()).source == places["flag"]


def test_an_empty_variable_is_none(tmp_path: Path) -> None:
    assert find(None, {config.VARIABLE: ""}, tmp_path, tmp_path) is None


def test_a_folder_by_the_files_name_is_not_a_file(tmp_path: Path) -> None:
    (tmp_path / "config.toml").mkdir()
    assert load(None, {}, tmp_path, tmp_path) == Settings()


@pytest.mark.parametrize("variable", [False, True])
def test_a_named_file_that_is_missing_is_an_error(tmp_path: Path, variable: bool) -> None:
    path = tmp_path / "none.toml"
    named, env = (None, {config.VARIABLE: str(path)}) if variable else (path, {})
    with pytest.raises(ConfigError, match=r"none\.toml: No such file"):
        load(named, env, tmp_path, tmp_path)


def test_a_named_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Is a directory"):
        load(tmp_path, {}, tmp_path, tmp_path)


def test_a_file_that_is_no_text_is_refused_with_the_byte(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_bytes(b"[model]\n\xff")
    with pytest.raises(ConfigError, match="byte 8"):
        load(path, {}, tmp_path, tmp_path)


def test_a_file_that_never_ends_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_bytes(b"\n" * (config.MAX_BYTES + 1))
    with pytest.raises(ConfigError, match="larger than"):
        load(path, {}, tmp_path, tmp_path)


def test_a_byte_order_mark_is_no_part_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_bytes(b"\xef\xbb\xbf[prompt]\r\nmax_prompts = 3\r\n")
    assert load(path, {}, tmp_path, tmp_path).prompt.max_prompts == 3


# What it says


def test_what_is_not_set_keeps_its_default() -> None:
    settings = parse("[display]\ntokens_to_show = 5", HERE)
    assert settings == Settings(display=DisplaySettings(tokens_to_show=5), source=HERE)


@pytest.mark.parametrize(
    ("text", "setting", "meant"),
    [
        ("[display]\ntoken_to_show = 5", "display.token_to_show = 5", "display.tokens_to_show"),
        ("[model]\ntokens_to_show = 5", "model.tokens_to_show = 5", "display.tokens_to_show"),
        ("tokens_to_show = 5", "tokens_to_show = 5", "display.tokens_to_show"),
        ('[model]\nNAME = "x"', 'model.NAME = "x"', "model.name"),
        ("[dispaly]\ntokens_to_show = 5", "dispaly", "display"),
        ("[prompts]", "prompts", "prompt"),
    ],
)
def test_an_unknown_setting_is_refused_with_the_one_that_was_meant(
    text: str, setting: str, meant: str
) -> None:
    error = refusal(text)
    assert error.title == "Unknown setting"
    assert error.message.startswith(f"{setting} in")
    assert error.hint.startswith(f"Did you mean {meant}?")


def test_a_file_of_another_program_is_refused_with_the_way_on() -> None:
    assert "--config" in refusal("[package]\nname = 'flask'").hint


@pytest.mark.parametrize(
    ("setting", "value", "allowed"),
    [
        ("display.tokens_to_show", "true", "from 1 to 1000"),
        ("display.tokens_to_show", "0", "from 1 to 1000"),
        ("display.tokens_to_show", "1001", "from 1 to 1000"),
        ("display.tokens_to_show", "30.0", "a whole number"),
        ("display.tokens_to_show", '"30"', "a whole number"),
        ("display.tokens_to_show", "[30]", "a whole number"),
        ("display.cache_mib", "-1", "MiB"),
        ("display.layer_prob", "1", "true or false"),
        ("display.palette", '"jet"', "'viridis', 'cividis', 'red-blue' or 'bands'"),
        ("model.dtype", '"float16"', "'float32' or 'bfloat16'"),
        ("model.device", '"gpu"', "'cuda:N'"),
        ("model.device", '"cuda:"', "'cuda:N'"),
        ("model.name", '""', "not empty"),
        ("model.name", '" "', "not empty"),
        ("model.name", r'"a\u0000"', "on one line"),
        ("prompt.example_prompt", "3", "any text"),
        ("display.uncertain_bits", "-0.1", "a number from 0 to 100 (bits)"),
        ("display.uncertain_bits", "nan", "from 0 to 100"),
        ("display.uncertain_probability", "1.01", "from 0 to 1"),
        ("display.uncertain_probability", '"0.1"', "a number"),
        ("sampler.temperature", "-1", "a number from 0 to 10"),
        ("sampler.temperature", "inf", "from 0 to 10"),
        ("sampler.temperature", "true", "a number"),
        ("sampler.top_p", "3", "a number from 0 to 1 (probability)"),
        ("sampler.top_k", "0.5", "a whole number from 0 to 1000000"),
        ("sampler.seed", "-2", "from -1 to 4294967295."),
        ("sampler.seed", "4294967296", "from -1 to 4294967295."),
        ("sampler.seed", '"random"', "a whole number"),
        ("run.tokens", "0", "from 1 to 100000"),
        ("run.stop", "[]", "any text"),
    ],
)
def test_an_impossible_value_is_refused_with_those_that_are_allowed(
    setting: str, value: str, allowed: str
) -> None:
    section, name = setting.split(".")
    error = refusal(f"[{section}]\n{name} = {value}")
    assert error.title == "Impossible setting"
    assert error.message.startswith(f"{setting} = ")
    assert allowed in error.hint


@pytest.mark.parametrize("device", ["auto", "cpu", "mps", "cuda", "cuda:0", "cuda:15"])
def test_every_documented_device_is_allowed(device: str) -> None:
    assert parse(f'[model]\ndevice = "{device}"', HERE).model.device == device


@pytest.mark.parametrize("each", KNOBS, ids=lambda each: each.name)
@given(data=st.data())
def test_a_samplers_settings_are_those_that_turning_its_knobs_gives(each: Knob, data: st.DataObject) -> None:
    value = data.draw(st.sampled_from((each.low, each.high, *each.notches)))
    settings = parse(f"[sampler]\n{each.name} = {value}", HERE)
    assert settings.sampler.sampler == Sampler().turned(each.name, str(value))


def test_settings_of_runs_and_of_doubt_are_read() -> None:
    text = '[run]\ntokens = 5\nstop = "\\n"\n[display]\nuncertain_bits = 2\nuncertain_probability = 1e-3'
    settings = parse(text, HERE)
    assert (settings.run.tokens, settings.run.stop) == (5, "\n")
    assert (settings.display.uncertain_bits, settings.display.uncertain_probability) == (2, 0.001)


@given(st.integers() | st.floats(), st.floats(-9, 9), st.floats(-9, 9))
def test_a_number_is_allowed_between_its_ends_and_nowhere_else(
    value: float, one: float, other: float
) -> None:
    low, high = sorted([one, other])
    assert Number(low, high).accepts(value) == (low <= value <= high)
    assert Number(low, high).accepts(low)
    assert Number(low, high).accepts(high)


def test_bad_toml_is_refused_with_its_line() -> None:
    assert "line 2" in refusal("[model]\nname = embedded\n").message


@pytest.mark.parametrize("text", ["x = " + "1" * 5000, "x = " + "[" * 100_000])
def test_a_value_beyond_pythons_limits_is_refused_in_words(text: str) -> None:
    assert refusal(text).title == "Not valid TOML"


@pytest.mark.parametrize("value", [f'"{"a" * 5000}"', "0x" + "f" * 5000, f"[{'1, ' * 5000}]"])
def test_a_long_value_is_not_repeated_whole(value: str) -> None:
    assert len(refusal(f"[display]\ntokens_to_show = {value}").message) < 2 * config.MAX_SHOWN


def test_a_setting_where_a_section_belongs_is_refused() -> None:
    error = refusal("model = 'gpt2'")
    assert "[model]" in error.hint


def test_keys_are_one_or_a_list() -> None:
    settings = parse('[keys]\nquit = "q"\nappend = ["right", "l"]\nhelp = []', HERE)
    assert settings.keys == {"quit": ("q",), "append": ("right", "l"), "help": ()}


@pytest.mark.parametrize("value", ["3", "[3]", '""', '["a", ""]', "{ a = 1 }"])
def test_a_key_that_is_no_name_is_refused(value: str) -> None:
    assert refusal(f"[keys]\nquit = {value}").message.startswith("keys.quit = ")


json_like = st.recursive(
    st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=4,
)
names = st.sampled_from(
    [*SECTIONS, "keys", "name", "tokens_to_show", "palette", "temperature", "top_k", "seed", "stop", "x"]
)


def outcome(tables: Mapping[str, Any]) -> Settings | ConfigError:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tomli, "loads", lambda text: tables)
        try:
            return parse("", HERE)
        except ConfigError as error:
            return error


@given(st.dictionaries(names, st.dictionaries(names, json_like) | json_like))
def test_whatever_the_tables_hold_the_answer_is_settings_or_a_refusal(tables: Mapping[str, Any]) -> None:
    answer = outcome(tables)
    if isinstance(answer, ConfigError):
        assert answer.hint
        return
    for section, kind in SECTIONS.items():
        made = getattr(answer, section)
        assert all(each.metadata["rule"].accepts(getattr(made, each.name)) for each in fields(kind))


if __name__ == "__main__":
    SHIPPED.write_text(rendered(), encoding="utf-8")
