"""A catalog on disk: `items.jsonl` and `schema.json`, as typed when its file was read."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from retrieval.catalog import Catalog, CatalogSchema, Item


def save_catalog(catalog: Catalog, folder: Path) -> str:
    """Write a catalog and return the hash of its items and schema."""
    schema = catalog.schema.model_dump_json(indent=1).encode()
    items = "".join(f"{json.dumps(_record(item), ensure_ascii=False)}\n" for item in catalog).encode()
    (folder / "schema.json").write_bytes(schema)
    (folder / "items.jsonl").write_bytes(items)
    return hashlib.sha256(schema + items).hexdigest()[:16]


def load_catalog(folder: Path) -> Catalog:
    """Read what `save_catalog` wrote."""
    schema = CatalogSchema.model_validate_json((folder / "schema.json").read_bytes())
    with (folder / "items.jsonl").open(encoding="utf-8", newline="\n") as lines:
        return Catalog(schema, (_item(json.loads(line)) for line in lines))


def _record(item: Item) -> dict[str, Any]:
    names = ("id", "title", "text", "popularity", "image", "link")
    return {**{name: getattr(item, name) for name in names}, "attributes": dict(item.attributes)}


def _item(record: dict[str, Any]) -> Item:
    attributes = record.pop("attributes")
    typed = {name: tuple(value) if isinstance(value, list) else value for name, value in attributes.items()}
    return Item(attributes=typed, **record)
