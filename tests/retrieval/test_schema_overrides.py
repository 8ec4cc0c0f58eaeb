"""The TOML schema file overrides what was inferred; unknown keys name the nearest valid one."""

from __future__ import annotations

from pathlib import Path

import pytest

from retrieval.catalog import Alias, CatalogSchema, Column, UserError
from retrieval.overrides import beside, override

SCHEMA = CatalogSchema(
    columns=(
        Column(name="id", role="id"),
        Column(name="title", role="title"),
        Column(name="kind", role="facet"),
        Column(name="length", role="number"),
        Column(name="code", role="ignore"),
    )
)


def overridden(tmp_path: Path, text: str) -> CatalogSchema:
    path = tmp_path / "s.toml"
    path.write_text(text, "utf-8")
    return override(SCHEMA, path)


def test_every_part_can_be_overridden(tmp_path: Path) -> None:
    schema = overridden(
        tmp_path,
        """
        noun = "record"
        also = ["album"]
        [columns.kind]
        people = true
        many = false
        singular = "sort"
        [columns.length]
        unit = "minutes"
        [aliases]
        "Long  Player" = {attribute = "kind", value = "LP"}
        brief = [{attribute = "kind", value = "Single"}, {attribute = "length", value = 4}]
        [titles]
        "White Album" = "beatles-68"
        [slices]
        "length.short" = 30
        """,
    )
    assert (schema.noun, schema.nouns, schema.also) == ("record", "records", ("album",))
    assert schema.column("kind") == Column(name="kind", role="facet", people=True, many=False, singular="sort")
    assert schema.column("length") == Column(name="length", role="number", unit="minutes")
    assert schema.aliases["long player"] == (Alias(attribute="kind", value="LP"),)
    assert schema.aliases["brief"][1] == Alias(attribute="length", value=4)
    assert schema.titles == {"white album": "beatles-68"}
    assert schema.slices == {"length.short": 30.0}


def test_slices_may_be_written_with_dots_outside_quotes(tmp_path: Path) -> None:
    assert overridden(tmp_path, "[slices]\nlength.long = 90").slices == {"length.long": 90.0}


def test_an_id_given_to_another_column_is_taken_from_the_first(tmp_path: Path) -> None:
    schema = overridden(tmp_path, "[columns.code]\nrole = 'id'")
    assert [column.role for column in schema.columns] == ["ignore", "title", "facet", "number", "id"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nuon = 'x'", "unknown key `nuon`; the nearest valid one is `noun`"),
        ("[columns.knid]\nrole = 'facet'", "unknown column `columns.knid`; the nearest valid one is `columns.kind`"),
        (
            "[columns.kind]\nrol = 'facet'",
            "unknown key `columns.kind.rol`; the nearest valid one is `columns.kind.role`",
        ),
        ("[columns.kind]\nrole = 'fact'", "unknown role `fact`; the nearest valid one is `facet`"),
        ("[columns.kind]\nmany = 'no'", "`columns.kind.many` needs true or false"),
        ("columns = 3", "`columns` is a table"),
        ("[columns]\nkind = 3", "`columns.kind` is a table"),
        ("noun = 3", "`noun` needs a string"),
        ("also = 'album'", "`also` needs a list of words"),
        ("also = [3]", "`also` needs a string"),
        ("[aliases]\nx = {attribute = 'knd', value = 'y'}", "unknown attribute `knd`"),
        ("[aliases]\nx = {attribute = 'kind'}", "`aliases.x` needs"),
        ("[aliases]\nx = {attribute = 'kind', value = true}", "value of `aliases.x`"),
        ("[slices]\n'lenth.short' = 3", "unknown column `slices.lenth`"),
        ("[slices]\n'length.short' = 'x'", "a slice is written"),
        ("= 3", "is not TOML"),
    ],
)
def test_a_mistake_is_named_with_the_file_and_the_nearest_key(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UserError) as caught:
        overridden(tmp_path, text)
    assert words in str(caught.value) and "s.toml" in str(caught.value) and "\n" not in str(caught.value)


def test_a_missing_schema_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        override(SCHEMA, tmp_path / "none.toml")


def test_the_file_beside_a_catalog_is_found_by_name(tmp_path: Path) -> None:
    assert beside(tmp_path / "a.jsonl.gz") is None
    (tmp_path / "a.toml").write_text("")
    assert beside(tmp_path / "a.jsonl.gz") == beside(tmp_path / "a.csv") == tmp_path / "a.toml"
