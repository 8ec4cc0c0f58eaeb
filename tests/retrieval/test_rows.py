"""Rows of catalog files: three formats, and every bad line reported where it stands."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from retrieval.catalog import UserError
from retrieval.rows import Problem, Row, clean, read_rows


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def rows_of(path: Path) -> list[dict[str, object]]:
    return [entry.values for entry in read_rows(path) if isinstance(entry, Row)]


def problems_of(path: Path) -> list[tuple[int, str]]:
    return [(entry.line, entry.reason) for entry in read_rows(path) if isinstance(entry, Problem)]


def test_jsonl_rows_keep_their_line_numbers_over_blank_lines(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", '{"id": 1}\n\n{"id": 2}\n')
    assert [(row.line, row.values) for row in read_rows(path) if isinstance(row, Row)] == [
        (1, {"id": 1}),
        (3, {"id": 2}),
    ]


def test_a_gzipped_file_reads_like_a_plain_one(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl.gz", gzip.compress(b'{"id": 1}\n'))
    assert rows_of(path) == [{"id": 1}]


def test_bad_json_a_non_object_and_bad_encoding_are_reported_at_their_lines(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", b'{"id": 1}\n{"id": \n[1]\n{"id": "\xff"}\n{"n": NaN}\n"text"\n')
    found = problems_of(path)
    assert [line for line, _ in found] == [2, 3, 4, 5, 6]
    assert found[0][1].startswith("bad JSON")
    assert found[1][1] == "not an object but list"
    assert found[2][1].startswith("bad encoding: byte 9")
    assert found[3][1].startswith("bad JSON: NaN")
    assert str(next(entry for entry in read_rows(path) if isinstance(entry, Problem))).startswith(f"{path}:2: bad JSON")


def test_deeply_nested_json_is_a_bad_row_and_no_crash(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", "[" * 10 + "\n")
    with pytest.raises(UserError, match="one JSON array"):
        list(read_rows(path))
    path = write(tmp_path / "b.jsonl", '{"a":' * 100_000 + "\n")
    assert problems_of(path)[0][0] == 1


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    assert rows_of(write(tmp_path / "a.csv", b"\xef\xbb\xbfid,title\n1,A\n")) == [{"id": "1", "title": "A"}]
    assert rows_of(write(tmp_path / "a.jsonl", b'\xef\xbb\xbf{"id": 1}\n')) == [{"id": 1}]


def test_csv_fields_may_span_lines_and_the_next_row_keeps_its_line_number(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 'id,title\r\n1,"two\r\nlines"\r\n2,B\r\n3\r\n')
    entries = list(read_rows(path))
    assert [entry.line for entry in entries] == [2, 4, 5]
    assert rows_of(path)[0] == {"id": "1", "title": "two  lines"}
    assert problems_of(path) == [(5, "1 fields where the header has 2")]


def test_an_undecodable_csv_row_is_reported_and_the_others_are_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", b"id,title\n1,\xe9t\xe9\n2,\xc3\xa9t\xc3\xa9\n")
    assert problems_of(path) == [(2, "bad encoding: not UTF-8")]
    assert rows_of(path) == [{"id": "2", "title": "\u00e9t\u00e9"}]


def test_semicolons_and_tabs_also_separate_csv_fields(tmp_path: Path) -> None:
    assert rows_of(write(tmp_path / "a.csv", "id;title\n1;A, B\n")) == [{"id": "1", "title": "A, B"}]
    assert rows_of(write(tmp_path / "b.csv", "id\ttitle\n1\tA\n")) == [{"id": "1", "title": "A"}]


def test_a_list_written_out_in_a_csv_field_becomes_a_list(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 'id,tags,title\n1,"[\'a\', \'b\']",[REC]\n2,"[""c""]",[1]\n')
    assert [row["tags"] for row in rows_of(path)] == [["a", "b"], ["c"]]
    assert [row["title"] for row in rows_of(path)] == ["[REC]", "[1]"]


def test_a_header_with_a_name_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="one distinct name per column"):
        list(read_rows(write(tmp_path / "a.csv", "id,id\n1,2\n")))


def test_a_100_kb_field_is_read_whole(tmp_path: Path) -> None:
    long = "word " * 40_000
    assert len(str(rows_of(write(tmp_path / "a.csv", f'id,text\n1,"{long}"\n'))[0]["text"])) == len(long) - 1
    assert len(str(rows_of(write(tmp_path / "a.jsonl", json.dumps({"text": long})))[0]["text"])) == len(long) - 1


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.parquet", "a.jsonl.gz"])
def test_a_binary_file_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)))
    with pytest.raises(UserError) as caught:
        list(read_rows(path))
    assert str(path) in str(caught.value) and "\n" not in str(caught.value) and "give JSONL" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "words"), [("a.xlsx", "unknown kind"), ("none.csv", "no such file"), ("d.csv", "is a folder")]
)
def test_a_path_that_cannot_be_a_catalog_says_why(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "a.xlsx").write_text("x")
    (tmp_path / "d.csv").mkdir()
    with pytest.raises(UserError, match=words):
        list(read_rows(tmp_path / name))


def test_parquet_rows_keep_lists_and_lose_nans(tmp_path: Path) -> None:
    import datetime

    import pyarrow
    import pyarrow.parquet

    table = pyarrow.table(
        {
            "id": ["a", "b"],
            "tags": [["x", "y"], None],
            "price": [1.5, float("nan")],
            "day": [datetime.date(2020, 1, 2), None],
        }
    )
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    assert rows_of(tmp_path / "a.parquet") == [
        {"id": "a", "tags": ["x", "y"], "price": 1.5, "day": "2020-01-02"},
        {"id": "b", "tags": None, "price": None, "day": None},
    ]


@pytest.mark.parametrize(
    ("dirty", "expected"),
    [
        ("e\u0301", "\u00e9"),
        ("a\x00b\x07c", "abc"),
        ("a\tb\nc", "a b c"),
        ("\u202eevil\u202c", "evil"),
        ("\ud800x", "x"),
        ("\U0001f469\u200d\U0001f680 ok", "\U0001f469\u200d\U0001f680 ok"),
        ("  plain  ", "plain"),
    ],
)
def test_text_is_normalised_and_freed_of_control_characters(dirty: str, expected: str) -> None:
    assert clean(dirty) == expected
