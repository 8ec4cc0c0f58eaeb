"""Shared fixtures: a small catalog without films, the demo catalog, an empty home, and a quiet offline process."""

from __future__ import annotations

import os
import shutil

os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false", LANGGRAPH_STRICT_MSGPACK="true")
for _name in [name for name in os.environ if name.startswith("TASTEMAKER_")]:
    del os.environ[_name]
# Workers that run beside each other share the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1" if "PYTEST_XDIST_WORKER" in os.environ else "2")
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

from collections.abc import Iterator  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import TYPE_CHECKING  # noqa: E402

import pytest  # noqa: E402
from browsing import browser, serve, started  # noqa: E402

from retrieval.catalog import Alias, Catalog, CatalogSchema, Column, Item  # noqa: E402

if TYPE_CHECKING:
    from agent import Recommender

__all__ = ["browser", "serve", "started"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give an empty home that the settings find by themselves."""
    path = tmp_path / "home"
    monkeypatch.setenv("TASTEMAKER_HOME", str(path))
    return path


@pytest.fixture(scope="session")
def built_demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the demo catalog for the encoder without weights, once for all tests; they copy it to a home of theirs."""
    from retrieval.index import open_or_build_demo

    folder = tmp_path_factory.mktemp("built")
    open_or_build_demo(folder, encoder="hashing")
    return folder


@pytest.fixture
def demo_home(built_demo: Path, home: Path) -> Path:
    """Give a home with the demo catalog in it and nothing else, which the settings find by themselves."""
    return shutil.copytree(built_demo, home)


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recommender]:
    """Open the recommender as it ships, once for all tests that use the real models."""
    from agent import Recommender, Settings

    rec = Recommender.open(Settings(home=tmp_path_factory.mktemp("embedded")))
    yield rec
    rec.close()


@pytest.fixture(scope="session")
def demo_catalog() -> Catalog:
    """Read the demo catalog once for all tests."""
    from retrieval.reading import demo_catalog as read_demo

    return read_demo()


@pytest.fixture(scope="session")
def wines() -> Catalog:
    """Hold twelve wines: facets, a year, a price with gaps, people, a flag; nothing here is a film."""
    schema = CatalogSchema(
        columns=(
            Column(name="id", role="id"),
            Column(name="title", role="title"),
            Column(name="notes", role="text"),
            Column(name="grapes", role="facet", singular="grape"),
            Column(name="region", role="facet", many=False, singular="region"),
            Column(name="makers", role="facet", people=True, singular="maker"),
            Column(name="vintage", role="number", unit="year"),
            Column(name="price", role="number", unit="euros"),
            Column(name="organic", role="flag"),
        ),
        noun="wine",
        nouns="wines",
        aliases={"shiraz": (Alias(attribute="grapes", value="Syrah"),)},
        slices={"price.cheap": 12},
    )
    rows: tuple[tuple[str, tuple[str, ...], str, str, int, float | None, bool], ...] = (
        ("Stone Terrace", ("Riesling",), "Mosel", "Anna Weiss", 2019, 14.0, True),
        ("Slate Garden", ("Riesling",), "Mosel", "Jonas Brandt", 2015, 22.0, False),
        ("River Bend", ("Riesling", "Silvaner"), "Franken", "Anna Weiss", 2021, 9.5, True),
        ("Old Cellar", ("Pinot Noir",), "Burgundy", "Luc Morel", 2010, 48.0, False),
        ("Red Hill", ("Pinot Noir",), "Burgundy", "Claire Petit", 2018, 31.0, True),
        ("Long Valley", ("Syrah",), "Rhone", "Claire Petit", 2016, 18.0, False),
        ("Sun Path", ("Syrah", "Grenache"), "Rhone", "Marc Dubois", 2020, 11.0, True),
        ("Black Oak", ("Malbec",), "Mendoza", "Sofia Ruiz", 2017, 10.0, False),
        ("High Plain", ("Malbec",), "Mendoza", "Diego Paz", 2022, None, True),
        ("White Tower", ("Chardonnay",), "Burgundy", "Luc Morel", 2014, 27.0, False),
        ("Chalk Field", ("Chardonnay",), "Champagne", "Marc Dubois", 2012, 55.0, False),
        ("Green Gate", ("Sauvignon Blanc",), "Loire", "Claire Petit", 2023, 8.0, True),
    )
    return Catalog(
        schema,
        (
            Item(
                id=title.lower().replace(" ", "-"),
                title=title,
                text=f"A {' and '.join(grapes)} from {region}.",
                attributes={
                    "grapes": grapes,
                    "region": (region,),
                    "makers": (maker,),
                    "vintage": vintage,
                    "price": price,
                    "organic": organic,
                },
                popularity=1 - place / len(rows),
            )
            for place, (title, grapes, region, maker, vintage, price, organic) in enumerate(rows)
        ),
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files with a browser or real models first: they take longest, and no worker should wait for the last."""
    long = {item.path for item in items if item.get_closest_marker("page") or item.get_closest_marker("models")}
    items.sort(key=lambda item: item.path not in long)
