"""The schema of the documents: it lets through what the commands say, and nothing with a key more or less."""

import copy
import functools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.results.documents import documents
from token_explorer.core.knobs import KNOBS
from token_explorer.results.document import SCHEMA, dumps

DOCS = Path(__file__).parents[2] / "docs"
WORDS = (DOCS / "JSON.md").read_text("utf-8")
WHOLE: dict[str, Any] = json.loads((DOCS / "schema.json").read_text("utf-8"))
DEFS: dict[str, Any] = WHOLE["$defs"]
KINDS = (
    "complete",
    "generate",
    "tokenize",
    "score",
    "attention",
    "lens",
    "compare",
    "trace",
    "byhand",
    "doctor",
)


@functools.cache
def made() -> list[tuple[str, Any]]:
    """Every document, as it comes back from JSON."""
    return [(kind, json.loads(dumps(document))) for kind, document in documents()]


def validator(kind: str, **replaced: object) -> Draft202012Validator:
    """Of one kind, with some definitions replaced."""
    return Draft202012Validator({"$ref": f"#/$defs/{kind}", "$defs": {**DEFS, **replaced}})


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(WHOLE)
    assert DEFS["version"]["const"] == SCHEMA


@pytest.mark.parametrize("kind", KINDS)
def test_documents_of_each_kind_are_valid(kind: str) -> None:
    of_kind = [document for each, document in made() if each == kind]
    assert of_kind
    for document in of_kind:
        validator(kind).validate(document)
        Draft202012Validator(WHOLE).validate(document)


@pytest.mark.parametrize("name", DEFS)
def test_every_definition_is_used_by_a_document(name: str) -> None:
    """Where nothing passes for a definition, some document isn't valid any more."""
    assert not all(validator(kind, **{name: False}).is_valid(document) for kind, document in made())


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """A document and all objects in it; of lists the ends."""
    if isinstance(value, dict):
        yield value
        for each in value.values():
            yield from objects(each)
    elif isinstance(value, list):
        for each in value[:1] + value[1:][-1:]:
            yield from objects(each)


# Keys that a document of its kind may have or not.
OPTIONAL = {"layer_logprobs", "torch", "transformers", "numpy"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_less_or_more_makes_a_document_invalid_wherever_it_is(kind: str) -> None:
    checked = validator(kind)
    for document in (copy.deepcopy(document) for each, document in made() if each == kind):
        for part in objects(document):
            if kind == "doctor" and part is document["model"]["lacks"]:
                continue  # what is lacking depends on the model
            for key in set(part) - OPTIONAL:
                value = part.pop(key)
                assert not checked.is_valid(document), f"without {key}"
                part[key] = value
            part["another"] = 1
            assert not checked.is_valid(document), f"with another key beside {list(part)}"
            del part["another"]


def test_a_version_that_nobody_knows_is_no_document() -> None:
    for kind, document in made():
        assert not validator(kind).is_valid({**document, "schema": SCHEMA + 1})


def test_the_samplers_settings_are_all_there() -> None:
    assert list(DEFS["sampler"]["properties"]) == [knob.name for knob in KNOBS]


def test_every_number_with_a_unit_says_so() -> None:
    for name, schema in keys(WHOLE):
        for unit in ("bits", "seconds"):
            if name.endswith(f"_{unit}"):
                assert unit in json.dumps([schema, DEFS.get(schema.get("$ref", "").rpartition("/")[2])])


def keys(schema: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """All keys that a schema itself names, with what they hold."""
    if isinstance(schema, dict):
        yield from schema.get("properties", {}).items()
        for each in schema.values():
            yield from keys(each)
    elif isinstance(schema, list):
        for each in schema:
            yield from keys(each)


def named(schema: Any) -> set[str]:
    """All keys of documents of a schema, those of its definitions too."""
    found = {key for key, _ in keys(schema)}
    for name in set(re.findall(r'"#/\$defs/(\w+)"', json.dumps(schema))):
        found |= named(DEFS[name])
    return found


def section(kind: str) -> str:
    """What the page says of a kind of document."""
    return WORDS.partition(f"\n## {kind}\n")[2].partition("\n## ")[0]


SHARED = section("In every document")


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_tells_of_each_key_of_each_document_and_of_no_other(kind: str) -> None:
    told = set(re.findall(r"`(\w[\w-]*)`", section(kind)))
    shared = set(re.findall(r"`(\w[\w-]*)`", SHARED))
    assert named(DEFS[kind]) <= told | shared
    listed = set(re.findall(r"^\| `([\w-]+)` \|", section(kind), re.MULTILINE))
    assert listed
    assert listed <= named(DEFS[kind])


def test_the_examples_on_the_page_are_documents() -> None:
    examples = re.findall(r"```json\n(.*?)```", WORDS, re.DOTALL)
    assert examples
    for example in examples:
        Draft202012Validator(WHOLE).validate(json.loads(example))
