import os
import pickle
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import pytest
import typer

from token_explorer import __version__, cli, config, files
from token_explorer.cli import commands
from token_explorer.config import Settings
from token_explorer.core.engine import ModelSpec
from token_explorer.errors import EngineFault, ExplorerError, ModelLoadError

ROOT = Path(__file__).parent.parent


class Terminal:
    """A stream that is a terminal, or isn't."""

    def __init__(self, is_terminal: bool = True) -> None:
        self.is_terminal = is_terminal

    def isatty(self) -> bool:
        return self.is_terminal


@dataclass
class Stage:
    """Stands where the engine and the screen are, and remembers what it was given."""

    events: list[str] = field(default_factory=list)
    spec: ModelSpec = field(default_factory=ModelSpec)
    settings: Settings = field(default_factory=Settings)
    text: str | None = None
    model: str = ""
    fatal: ExplorerError | None = None
    return_code: int | None = None
    crash: BaseException | None = None

    def local_engine(self, spec: ModelSpec) -> "Stage":
        self.spec = spec
        return self

    def begin(self) -> None:
        self.events.append("begin")

    def explorer(
        self, engine: object, settings: Settings, text: str, model: str, models: object, kept: object
    ) -> "Stage":
        assert engine is self
        assert kept is None
        self.settings, self.text, self.model = settings, text, model
        return self

    @property
    def engine(self) -> "Stage":
        return self

    def run(self) -> None:
        self.events.append("run")
        if self.crash is not None:
            raise self.crash

    def close(self) -> None:
        self.events.append("close")


def module(name: str, **members: object) -> ModuleType:
    made = ModuleType(name)
    made.__dict__.update(members)
    return made


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Stage:
    """An empty folder, a terminal, no configuration, and a stage instead of engine and screen."""
    stage = Stage()
    rooms: dict[str, dict[str, object]] = {
        "token_explorer.engine.process": {"local_engine": stage.local_engine},
        "token_explorer.ui.app": {"Explorer": stage.explorer},
    }
    for name, members in rooms.items():
        monkeypatch.setitem(sys.modules, name, module(name, **members))
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(os, "getloadavg", lambda: (0.5, 0.5, 0.5))
    for stream in ("__stdin__", "__stdout__", "__stderr__"):
        monkeypatch.setattr(sys, stream, Terminal())
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "user"))
    monkeypatch.delenv(config.VARIABLE, raising=False)
    monkeypatch.delenv(cli.DEBUG, raising=False)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return stage


@pytest.fixture
def refused(stage: Stage, capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., str]]:
    """Runs the program, which should refuse; its words. The screen must not have been taken."""

    def run(*arguments: str, code: int = 2) -> str:
        assert cli.main(arguments) == code
        captured = capsys.readouterr()
        assert captured.out == ""
        assert "Traceback" not in captured.err
        return captured.err

    yield run
    assert stage.events == []


# What reaches the screen and the engine


def test_without_flags_the_defaults_are_explored(stage: Stage) -> None:
    assert cli.main([]) == 0
    assert stage.settings == Settings()
    assert stage.text == "Once upon a time, there was a"
    assert stage.model == "embedded"
    assert stage.spec == ModelSpec()


def test_the_engine_is_closed_after_the_run(stage: Stage) -> None:
    cli.main([])
    assert stage.events == ["begin", "run", "close"]


def test_the_configuration_reaches_screen_and_engine(stage: Stage) -> None:
    Path("config.toml").write_text(
        '[model]\nname = "~/m"\nthreads = 3\ndevice = "cpu"\ndtype = "bfloat16"\n'
        '[prompt]\nexample_prompt = "Hi"\n[display]\ncache_mib = 7\ncache_size = 8\npalette = "cividis"\n'
    )
    home = Path("home")
    (home / "m").mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home.resolve()))
        assert cli.main([]) == 0
    folder = str(home.resolve() / "m")
    assert stage.spec == ModelSpec(folder, "cpu", "bfloat16", threads=3, cache_mib=7, cache_size=8)
    assert stage.text == "Hi"
    assert stage.model == "~/m"
    assert stage.settings.display.palette == "cividis"
    assert stage.settings.source == Path.cwd() / "config.toml"


def test_flags_go_before_the_configuration(stage: Stage) -> None:
    Path("other.toml").write_text('[model]\nname = "a"\ndevice = "mps"\n[display]\nlayer_prob = false\n')
    flags = "--config other.toml --model b/c --device cuda:1 --bf16 --layer_prob --seed 42 --prompt x"
    assert cli.main(flags.split()) == 0
    assert stage.spec == ModelSpec("b/c", "cuda:1", "bfloat16", record_layers=True)
    assert (stage.settings.display.layer_prob, stage.text, stage.model) == (True, "x", "b/c")
    assert stage.settings.sampler.seed == 42


def test_a_flag_that_is_not_given_leaves_the_configuration_alone(stage: Stage) -> None:
    Path("config.toml").write_text('[model]\ndtype = "bfloat16"\n[display]\nlayer_prob = true\n')
    cli.main([])
    assert (stage.spec.dtype, stage.settings.display.layer_prob) == ("bfloat16", True)


def test_short_flags_are_the_long_ones(stage: Stage) -> None:
    Path("c.toml").write_text("[prompt]\nmax_prompts = 3")
    Path("p.txt").write_text("text")
    assert cli.main(["-c", "c.toml", "-i", "p.txt", "-m", "x_y/z_w"]) == 0
    assert (stage.settings.prompt.max_prompts, stage.text, stage.spec.name) == (3, "text", "x_y/z_w")


@pytest.mark.parametrize("flag", ["--layer_prob", "--layer-prob"])
def test_hyphens_and_underscores_are_the_same_in_flags(stage: Stage, flag: str) -> None:
    assert cli.main([flag]) == 0
    assert stage.settings.display.layer_prob


def test_a_value_keeps_its_hyphens_and_underscores(stage: Stage) -> None:
    cli.main(["--prompt=a_b-c", "--model", "o-o/m_m"])
    assert (stage.text, stage.spec.name) == ("a_b-c", "o-o/m_m")


@pytest.mark.parametrize("text", ["", " ", " a ", "[/b]", "é\n", "--bf16"])
def test_a_prompt_is_taken_as_it_is(stage: Stage, text: str) -> None:
    assert cli.main([f"--prompt={text}"]) == 0
    assert stage.text == text


def test_a_subcommand_takes_the_place_of_the_explorer(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(top_k: Annotated[int, typer.Option("--top_k")]) -> int:
        return top_k

    monkeypatch.setattr(commands.app, "registered_commands", [])
    commands.app.command("answer")(answer)
    assert cli.main(["answer", "--top-k", "7"]) == 7
    assert cli.main(["answer", "--top_k", "8"]) == 8
    assert stage.events == []


# Prompt files


@pytest.mark.parametrize("content", [b"", b"  a\n\n", b"a\r\nb\rc\n", "é😀".encode(), b"\x1b[31m\x07"])
def test_a_file_is_taken_as_it_is(stage: Stage, content: bytes) -> None:
    Path("p.txt").write_bytes(content)
    assert cli.main(["--input", "p.txt"]) == 0
    assert stage.text is not None
    assert stage.text.encode() == content


def test_a_byte_order_mark_is_no_text_but_for_the_second(stage: Stage) -> None:
    Path("p.txt").write_bytes(b"\xef\xbb\xbfa\xef\xbb\xbf")
    cli.main(["--input", "p.txt"])
    assert stage.text == "a\ufeff"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_can_be_read(stage: Stage) -> None:
    os.mkfifo("pipe")
    writer = subprocess.Popen([sys.executable, "-c", "open('pipe', 'w').write('from a pipe')"])
    assert cli.main(["--input", "pipe"]) == 0
    assert (stage.text, writer.wait()) == ("from a pipe", 0)


def test_a_file_just_below_the_limit_is_read(stage: Stage) -> None:
    Path("p.txt").write_bytes(b"a" * (files.MAX_BYTES - 1))
    assert cli.main(["--input", "p.txt"]) == 0
    assert stage.text is not None
    assert len(stage.text) == files.MAX_BYTES - 1


def test_a_missing_file_is_refused_with_the_nearest_name(refused: Callable[..., str]) -> None:
    Path("prompts").mkdir()
    Path("prompts/gsm8k.txt").touch()
    words = refused("--input", "prompts/gsmk8.txt")
    assert words == (
        "Can't read the prompt: prompts/gsmk8.txt doesn't exist.\nDid you mean prompts/gsm8k.txt?\n"
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"abc\0def", "byte 3 is NUL"),
        (b"abc\xffdef", "byte 3 is 0xff"),
        (b"\xef\xbb\xbf\xe9t\xe9", "byte 3 is 0xe9"),
        (b"abc\xf0\x9f", "byte 3 is 0xf0"),
        ("abc".encode("utf-16"), "UTF-16"),
        (b"a" * files.MAX_BYTES, "has 10.0 MB; a prompt must be smaller than 10 MB"),
    ],
)
def test_a_file_that_is_no_prompt_is_refused_with_the_reason(
    refused: Callable[..., str], content: bytes, words: str
) -> None:
    Path("p.txt").write_bytes(content)
    answer = refused("--input", "p.txt")
    assert words in answer
    assert "p.txt" in answer
    assert answer.count("\n") == 2


def test_a_huge_file_is_refused_unread(refused: Callable[..., str]) -> None:
    with open("huge", "wb") as file:
        file.truncate(10**12)
    assert "1000000.0 MB" in refused("--input", "huge")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (".", ". is a folder"),
        ("", "a file without a name doesn't exist"),
        ("no/where.txt", "nor does the folder no"),
        ("a" * 300, "File name too long"),
        ("file/x", "Not a directory"),
    ],
)
def test_a_path_that_is_no_file_is_refused(refused: Callable[..., str], path: str, words: str) -> None:
    Path("file").touch()
    assert words in refused("--input", path)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_refused(refused: Callable[..., str]) -> None:
    Path("secret").touch(mode=0)
    assert "secret: Permission denied" in refused("--input", "secret")


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="needs a file without an end")
def test_a_file_without_an_end_is_refused(refused: Callable[..., str]) -> None:
    assert "smaller than" in refused("--input", "/dev/zero")


# Everything else that can be wrong


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--input", "a", "--prompt", "b"], "--input and --prompt were both given"),
        (["--input", "", "--prompt", ""], "--input and --prompt were both given"),
        (["--device", "gpu"], "--device gpu"),
        (["--device", "cuda:x"], "--device cuda:x"),
        (["--device", ""], "Unknown device"),
        (["--model", ""], "Model not found"),
        (["--model", "./nowhere"], "./nowhere doesn't exist"),
        (["--model", "/no/where"], "/no/where doesn't exist, nor does the folder /no"),
        (["--model", "a/b/c"], "a/b/c doesn't exist"),
        (["--model", "smol.gguf"], "Did you mean small.gguf?"),
        (["--seed", "x"], "--seed x"),
        (["--seed", "-1"], "--seed -1"),
        (["--seed", str(2**32)], "from 0 to 4294967295"),
        (["--seed", "²"], "--seed ²"),
        (["--seed", "9" * 5000], "Impossible seed"),
        (["--prompt", "a\udcff"], "isn't UTF-8 text at character 1"),
        (["--config", "none.toml"], "none.toml: No such file"),
        (["--layer"], "--layer"),
        (["--seed"], "'--seed' requires an argument"),
        (["--bf16=yes"], "--bf16"),
        (["prompt.txt"], "--input FILE opens a file"),
    ],
)
def test_what_cannot_be_done_is_refused_in_words(
    refused: Callable[..., str], arguments: list[str], words: str
) -> None:
    Path("small.gguf").touch()
    answer = refused(*arguments)
    assert words in answer
    assert answer.count("\n") == 2


def test_a_misspelt_flag_is_refused_with_the_one_that_was_meant(refused: Callable[..., str]) -> None:
    assert "--layer-prob" in refused("--layre_prob")


def test_a_wrong_configuration_is_refused_before_the_screen_is_taken(refused: Callable[..., str]) -> None:
    Path("config.toml").write_text("[display]\ntokens_to_shaw = 3")
    answer = refused()
    assert f"display.tokens_to_shaw = 3 in {Path.cwd() / 'config.toml'}" in answer
    assert "display.tokens_to_show" in answer


def test_wrong_keys_are_refused_before_the_screen_is_taken(refused: Callable[..., str]) -> None:
    Path("config.toml").write_text('[keys]\nquit = "w"')
    assert "config.toml" in refused()


@pytest.mark.parametrize("stream", ["stdin", "stdout", "stderr"])
@pytest.mark.parametrize("terminal", [None, Terminal(False)])
def test_without_a_terminal_it_says_which_stream_is_none(
    refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch, stream: str, terminal: Terminal | None
) -> None:
    monkeypatch.setattr(sys, f"__{stream}__", terminal)
    assert f"the explorer needs one, and {stream} isn't" in refused()


@pytest.mark.parametrize("kind", ["dumb", "unknown"])
def test_a_terminal_without_a_cursor_is_refused(
    refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setenv("TERM", kind)
    assert f"TERM is {kind}" in refused()


def test_a_name_in_a_message_is_not_obeyed_by_the_terminal(refused: Callable[..., str]) -> None:
    answer = refused("--input", "a\x1b]0;title\x07\u202e")
    assert re.fullmatch(r"[^\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]*", answer)
    assert "␛]0;title␇" in answer


# How it ends


@pytest.mark.parametrize(("code", "expected"), [(None, 0), (0, 0), (1, 1), (130, 130)])
def test_the_screens_return_code_is_the_programs(stage: Stage, code: int | None, expected: int) -> None:
    stage.return_code = code
    assert cli.main([]) == expected


@pytest.mark.parametrize("kind", [ModelLoadError, EngineFault, ExplorerError])
def test_what_ended_the_screen_is_said_after_it(
    stage: Stage, capsys: pytest.CaptureFixture[str], kind: type[ExplorerError]
) -> None:
    stage.fatal = kind("It failed", "with 3.", "Do that.")
    assert cli.main([]) == kind.exit_code
    assert capsys.readouterr() == ("", "It failed: with 3.\nDo that.\n")
    assert stage.events == ["begin", "run", "close"]


def test_an_interruption_closes_the_engine(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.crash = KeyboardInterrupt()
    assert cli.main([]) == 130
    assert stage.events == ["begin", "run", "close"]
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "crash", [ZeroDivisionError("by 0"), OSError(28, "No space left"), pickle.PicklingError("no")]
)
def test_a_bug_is_told_in_a_line_and_closes_the_engine(
    stage: Stage, capsys: pytest.CaptureFixture[str], crash: Exception
) -> None:
    stage.crash = crash
    assert cli.main([]) == 1
    words = capsys.readouterr().err
    assert words.startswith(f"This is a bug: {type(crash).__name__}: {crash}\n")
    assert cli.DEBUG in words
    assert "Traceback" not in words
    assert stage.events == ["begin", "run", "close"]


def test_a_bug_shows_its_traceback_to_those_who_ask(
    stage: Stage, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(cli.DEBUG, "1")
    stage.crash = ZeroDivisionError("by 0")
    assert cli.main([]) == 1
    assert "Traceback (most recent call last)" in capsys.readouterr().err


# The three ways to start it


def starters() -> dict[str, list[str]]:
    script = Path(sys.executable).with_name("token-explorer")
    return {
        "main.py": [sys.executable, str(ROOT / "main.py")],
        "python -m": [sys.executable, "-m", "token_explorer"],
        "script": [str(script)],
    }


def run(command: list[str], *arguments: str, **extra: Any) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=60, **extra)


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["--input", "/no/such"], []])
def test_main_py_the_module_and_the_script_are_the_same_program(arguments: list[str]) -> None:
    answers = [run(command, *arguments, stdin=subprocess.DEVNULL) for command in starters().values()]
    first = answers[0]
    assert first.stdout or first.stderr
    for answer in answers:
        assert (answer.returncode, answer.stdout, answer.stderr) == (
            first.returncode,
            first.stdout,
            first.stderr,
        )


def test_help_names_every_flag() -> None:
    answer = run(starters()["python -m"], "--help")
    assert (answer.returncode, answer.stderr) == (0, "")
    flags = "--input --prompt --model --bf16 --device --layer_prob --seed --config --version --help -i -m -c"
    assert set(flags.split()) <= set(re.findall(r"--?\w+", answer.stdout))


def test_the_version_is_the_packages() -> None:
    answer = run(starters()["main.py"], "--version")
    assert (answer.returncode, answer.stdout) == (0, f"token-explorer {__version__}\n")


def test_main_py_without_the_dependencies_says_how_to_get_them() -> None:
    answer = run([sys.executable, "-S", str(ROOT / "main.py")])
    assert (answer.returncode, answer.stdout) == (1, "")
    assert "make run" in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a pseudo terminal")
def test_a_pseudo_terminal_is_a_terminal() -> None:
    main_end, terminal = os.openpty()
    environment = {**os.environ, "TERM": "dumb"}
    ended = subprocess.run(
        starters()["python -m"],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env=environment,
        cwd=ROOT,
        timeout=60,
    )
    os.close(terminal)
    words = os.read(main_end, 4096).decode()
    os.close(main_end)
    assert ended.returncode == 2
    assert "TERM is dumb" in words
