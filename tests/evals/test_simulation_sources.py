"""Where preference users come from: ratings in the MovieLens format, and belief profiles."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from evals.simulation.profiles import Profile, Wish, drawn, profile_user, read_profiles, user_of
from evals.simulation.ratings import Rating, raters, rating_user, read_ratings, taste
from retrieval.catalog import Catalog, UserError
from retrieval.constraints import Constraint

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


def test_utility_adds_up_the_wishes_and_a_broken_limit_ends_it(wines: Catalog) -> None:
    profile = Profile(
        limits=(Constraint(attribute="vintage", op="at_least", value=2015),),
        wishes=(
            Wish(attribute="grapes", value="Riesling", weight=0.8),
            Wish(attribute="region", value="Mosel", weight=-0.5),
        ),
    )
    assert profile.utility(wines["river-bend"]) == 0.8
    assert profile.utility(wines["slate-garden"]) == pytest.approx(0.3)
    assert profile.utility(wines["red-hill"]) == 0
    assert profile.utility(wines["old-cellar"]) == float("-inf")


def test_the_best_items_are_accepted_equal_ones_together_and_seen_ones_not(wines: Catalog) -> None:
    profile = Profile(
        wishes=(Wish(attribute="grapes", value="Riesling"), Wish(attribute="region", value="Franken", weight=0.5))
    )
    assert profile.accepts(wines, 0.01) == {"river-bend"}
    assert profile.accepts(wines, 0.2) == {"river-bend"}, "the two others are equal and would be too many"
    assert profile.accepts(wines, 0.25) == {"river-bend", "stone-terrace", "slate-garden"}
    unseen = profile.model_copy(update={"seen": ("river-bend",)})
    assert unseen.accepts(wines, 0.01) == {"stone-terrace", "slate-garden"}


def test_the_strongest_wish_is_said_first_then_the_limits(wines: Catalog) -> None:
    profile = Profile(
        limits=(Constraint(attribute="price", op="at_most", value=20),),
        wishes=(Wish(attribute="region", value="Mosel", weight=-0.4), Wish(attribute="grapes", value="Riesling")),
    )
    user = user_of(profile, "p", wines, 0.0, 0.1, random.Random(0))
    assert [fact.attribute for fact in user.facts] == ["grapes", "price", "region"]
    assert [fact.hard for fact in user.facts] == [False, True, False]
    assert user.facts[2].against


def test_a_drawn_profile_is_never_hopeless_and_the_same_for_the_same_seed(wines: Catalog) -> None:
    for number in range(1, 30):
        user = profile_user(number, wines, 0, 0.0, 0.1)
        assert user.accepts
        assert not user.accepts & user.seen
        assert user == profile_user(number, wines, 0, 0.0, 0.1)
    assert drawn(wines, random.Random(1)) != drawn(wines, random.Random(2))


def test_profiles_are_read_from_yaml(wines: Catalog, tmp_path: Path) -> None:
    path = tmp_path / "people.yaml"
    path.write_text("- {name: Ana, wishes: [{attribute: grapes, value: Riesling}], seen: [red-hill]}\n", "utf-8")
    assert read_profiles(path, wines)[0].seen == ("red-hill",)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("- {wishes: []}", "0.wishes"),
        ("- {wish: 3}", "people.yaml: 0"),
        ("- {wishes: [{attribute: colour, value: red}]}", "no attribute 'colour'"),
        ("- {wishes: [{attribute: grapes, value: Rieslin}]}", "no wine has grapes 'Rieslin'"),
        ("- {wishes: [{attribute: grapes, value: Riesling}], seen: [x]}", "no item with the id 'x'"),
        ("- {wishes: [", "not valid YAML"),
    ],
)
def test_a_mistake_in_a_profile_is_one_line(wines: Catalog, tmp_path: Path, text: str, wrong: str) -> None:
    path = tmp_path / "people.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(UserError) as error:
        read_profiles(path, wines)
    assert wrong in str(error.value)
    assert "\n" not in str(error.value)


def rated(*stars: tuple[str, float]) -> list[Rating]:
    return [Rating(item, value, time) for time, (item, value) in enumerate(stars)]


def test_the_latest_liked_items_are_held_out_and_the_rest_is_seen(wines: Catalog) -> None:
    ratings = rated(
        ("stone-terrace", 5),
        ("slate-garden", 4),
        ("red-hill", 2),
        ("river-bend", 4.5),
        ("black-oak", 3),
        ("old-cellar", 5),
    )
    user = rating_user("7", ratings, wines, 0, 0.0)
    assert user.accepts == {"river-bend", "old-cellar"}
    assert user.seen == {"stone-terrace", "slate-garden", "red-hill", "black-oak"}
    assert user.loved == ("stone-terrace",)
    assert user.disliked == {"red-hill"}


def test_taste_says_what_sets_the_liked_items_apart_and_then_the_disliked_ones(wines: Catalog) -> None:
    liked = ["stone-terrace", "slate-garden", "river-bend"]
    disliked = ["old-cellar", "red-hill", "white-tower"]
    facts = taste(liked, disliked, {"green-gate"}, wines)
    assert str(facts[0].rules[0]) == "grapes is Riesling"
    assert str(facts[-1].rules[0]) == "region is not Burgundy"
    assert facts[-1].hard, "nothing that was liked is from there"
    later = taste(liked, disliked, {"old-cellar"}, wines)
    assert not later[-1].hard


def test_ratings_are_joined_by_id_and_others_are_left_out(wines: Catalog, tmp_path: Path) -> None:
    (tmp_path / "ratings.csv").write_text(
        "userId,movieId,rating,timestamp\n1,9,4.0,20\n1,8,5.0,10\n2,7,1.0,5\n", "utf-8"
    )
    joins = tmp_path / "joins.jsonl"
    rows = [{"id": "red-hill", "ml_id": "9"}, {"id": "old-cellar", "ml_id": "8"}, {"id": "x", "ml_id": None}]
    joins.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    found = read_ratings(tmp_path, joins, wines)
    assert found == {"1": [Rating("old-cellar", 5.0, 10), Rating("red-hill", 4.0, 20)]}
    assert raters(found, 0) == []
    with pytest.raises(UserError, match="give --joins"):
        read_ratings(tmp_path, None, wines)


@pytest.mark.parametrize(("text", "wrong"), [("a,b\n1,2\n", "not ratings"), (None, "cannot be read")])
def test_files_that_are_no_ratings_are_refused_in_one_line(
    wines: Catalog, tmp_path: Path, text: str | None, wrong: str
) -> None:
    if text is not None:
        (tmp_path / "ratings.csv").write_text(text, "utf-8")
    with pytest.raises(UserError, match=wrong):
        read_ratings(tmp_path if text else tmp_path / "none", None, wines)


def test_the_raters_drawn_first_do_not_depend_on_how_many_are_drawn() -> None:
    ratings = {str(name): rated(*((f"i{n}", 5.0) for n in range(12))) for name in range(20)}
    assert raters(ratings, 3) == raters(dict(reversed(ratings.items())), 3)
    assert raters(ratings, 3) != raters(ratings, 4)


@pytest.mark.skipif(not (DATA / "movielens").is_dir(), reason="the development data is not beside the repository")
def test_the_real_ratings_give_users_with_wishes(demo_catalog: Catalog) -> None:
    ratings = read_ratings(DATA / "movielens", DATA / "catalogs" / "films_joins.jsonl", demo_catalog)
    able = raters(ratings, 0)
    assert len(able) > 500
    for rater in able[:20]:
        user = rating_user(rater, ratings[rater], demo_catalog, 0, 0.0)
        assert user.accepts and user.facts and user.loved
        assert not user.accepts & user.seen
