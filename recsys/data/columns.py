"""Which column of a table holds what: told by the caller, or recognised by its name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

COLUMNS = ("user_id", "item_id", "weight", "datetime")
"""What we call them: users, items, and where there are such, weights and times."""

ROLES = dict(zip(("user", "item", "weight", "time"), COLUMNS, strict=True))
"""What ``columns=`` calls them."""

# In the order in which they are preferred. Case, spaces, "-", "_" and "." do not matter.
NAMES = {
    "user_id": (
        "user_id", "uid", "user_key", "user_no", "user_idx", "user_hash", "user_sha1", "reviewer_id", "customer_id",
        "visitor_id", "member_id", "client_id", "buyer_id", "person_id", "viewer_id", "listener_id", "reader_id",
        "profile_id", "account_id", "household_id", "player_id", "steam_id", "author_id", "session_id",
        "user", "user_name", "reviewer", "customer", "visitor", "member", "client", "person", "session", "users",
    ),
    "item_id": (
        "item_id", "iid", "item_key", "item_no", "item_idx", "movie_id", "film_id", "product_id", "artist_id",
        "artist_mbid", "track_id", "song_id", "album_id", "book_id", "isbn", "business_id", "anime_id", "manga_id",
        "game_id", "app_id", "article_id", "news_id", "post_id", "video_id", "show_id", "recipe_id", "beer_id",
        "restaurant_id", "place_id", "venue_id", "poi_id", "location_id", "gmap_id", "hotel_id", "joke_id", "course_id",
        "job_id", "event_id", "offer_id", "goods_id", "sku", "sku_id", "stock_code", "document_id", "doc_id",
        "content_id", "page_id", "url_id", "repo_id", "ad_id", "parent_asin", "asin",
        "item", "movie", "film", "product", "artist", "artist_name", "track", "song", "album", "book", "business",
        "anime", "game", "app", "article", "video", "recipe", "beer", "restaurant", "place", "venue", "title", "items",
    ),
    "weight": (
        "weight", "rating", "ratings", "rating_score", "book_rating", "user_rating", "score", "stars", "star_rating",
        "overall", "play_count", "plays", "playcount", "listen_count", "view_count", "click_count", "clicks", "views",
        "count", "counts", "cnt", "frequency", "hours", "hours_played", "play_time", "quantity", "qty", "watch_ratio",
        "strength", "confidence", "value", "preference",
    ),
    "datetime": (
        "datetime", "timestamp", "timestamps", "time_stamp", "unix_time", "unix_review_time", "unix_timestamp",
        "event_time", "event_timestamp", "review_time", "rating_time", "rating_timestamp", "created_at", "created",
        "time", "ts", "date", "review_date", "invoice_date", "event_date", "t_dat",
    ),
}  # fmt: skip
EPOCH = 1e8  # seconds: a whole number of at least that many is no rating


class ColumnError(ValueError):
    """The columns of a table are not understood."""


@dataclass(frozen=True)
class Layout:
    """Where the columns of a table are.

    Args:
        places: The place of each of :data:`COLUMNS` that there is.
        guessed: Those of them that the caller did not name and we call otherwise.
        names: The names of all columns of the table.
    """

    places: dict[str, int]
    guessed: frozenset[str]
    names: tuple[str, ...]

    @property
    def unused(self) -> list[str]:
        """The names of all other columns."""
        return [name for place, name in enumerate(self.names) if place not in self.places.values()]

    def without(self, column: str) -> "Layout":
        """Return the layout as if there were no such column."""
        places = {name: place for name, place in self.places.items() if name != column}
        return Layout(places, self.guessed - {column}, self.names)


def layout_of(names: Sequence[object], columns: Mapping[str, str | int] | None = None) -> Layout:
    """Return where users, items, weights and times are in a table with a header.

    Args:
        names: The header.
        columns: The name or the place, from 0, of ``user`` and ``item`` and perhaps of ``weight`` and ``time``. Roles
            that it leaves out are looked for by their usual names (:data:`NAMES`).

    Raises:
        TypeError: ``columns`` is no mapping of names.
        ColumnError: a column is not there, or there several times, or serves twice.

    >>> layout_of(["userId", "movieId", "rating"]).places
    {'user_id': 0, 'item_id': 1, 'weight': 2}
    """
    header = tuple(str(name) for name in names)
    given = {role: _place(name, header, role) for role, name in checked_columns(columns).items()}
    free = [place for place in range(len(header)) if place not in given.values()]
    found = {column: _recognised(column, header, free) for column in COLUMNS if column not in given}
    places = given | {column: place for column, place in found.items() if place is not None}
    _check(places, header)
    guessed = frozenset(column for column in places if column not in given and header[places[column]] != column)
    return Layout(dict(sorted(places.items(), key=lambda pair: COLUMNS.index(pair[0]))), guessed, header)


def layout_by_position(first: Sequence[str], columns: Mapping[str, str | int] | None = None) -> Layout:
    """Return where users, items, weights and times are in a table without a header.

    Without ``columns`` they stand in that order, as in the files of MovieLens, weights and times where there are any.

    Args:
        first: The first row.
        columns: The place of each, from 0.

    Raises:
        TypeError: ``columns`` is no mapping of names.
        ColumnError: there is no such place, or no usual number of columns.
    """
    given = checked_columns(columns)
    if given:
        names = tuple(str(place) for place in range(len(first)))
        strange = [str(name) for name in given.values() if str(name) not in names]
        if strange:
            raise ColumnError(
                f"there is no column {strange[0]}: there is no header, and the first row is {', '.join(first)}; give "
                f"places from 0 to {len(first) - 1}, such as {remedy(0, 1)}"
            )
        places = {role: int(place) for role, place in given.items()}
        _check(places, names)
        return Layout(places, frozenset(), names)
    if not 2 <= len(first) <= len(COLUMNS):
        raise ColumnError(
            f"there is no header, and the first row has {len(first)} values; say which are users and items by their "
            f"places, such as {remedy(0, 1)}"
        )
    order = list(COLUMNS[: len(first)])
    if len(first) == len(COLUMNS) - 1 and _is_time(first[-1]):
        order[-1] = COLUMNS[-1]
    return Layout({name: place for place, name in enumerate(order)}, frozenset(order), tuple(order))


def has_header(first: Sequence[str], second: Sequence[str] | None, columns: Mapping[str, str | int] | None) -> bool:
    """Return whether the first row of a table names its columns.

    It does if it has a name of ``columns``, or usual names of users and items, or no number where the next row has one.
    """
    given = {str(name) for name in checked_columns(columns).values()}
    if any(not name.isdigit() for name in given):
        return bool(given & set(first)) or not any(map(_is_number, first))
    everywhere = range(len(first))
    if all(_recognised(column, first, everywhere) is not None for column in COLUMNS[:2]):
        return True
    if any(map(_is_number, first)):
        return False
    return not given or any(map(_is_number, second or ()))


def checked_columns(columns: object) -> dict[str, str | int]:
    """Return what ``columns=`` says by our names of the columns.

    Raises:
        TypeError: it is no mapping, or a column is neither a name nor a place.
        ColumnError: it names something else than users, items, weights and times.
    """
    if columns is None:
        return {}
    if not isinstance(columns, Mapping):
        raise TypeError(f"columns must be a mapping such as {{'user': 'userId', 'item': 'movieId'}}, got {columns!r}")
    result: dict[str, str | int] = {}
    for role, name in columns.items():
        column = ROLES.get(role) or next((ours for ours, names in NAMES.items() if _same(role, names)), None)
        if column is None:
            raise ColumnError(f"columns must tell of {', '.join(ROLES)}, got {role!r}")
        if isinstance(name, bool) or not isinstance(name, str | int | np.integer):
            raise TypeError(f"columns must hold names or places of columns, got {name!r} for {role!r}")
        result[column] = name if isinstance(name, str) else int(name)
    return result


def remedy(user: str | int, item: str | int) -> str:
    """Return how to say which columns hold users and items, in Python and on the command line."""
    return (
        f"read_interactions(..., columns={{'user': {user!r}, 'item': {item!r}}}), on the command line "
        f"--columns user={user},item={item}"
    )


def _place(name: str | int, header: Sequence[str], column: str) -> int:
    if isinstance(name, str) and name in header:
        return header.index(name)
    if str(name).isdigit() and int(name) < len(header):
        return int(name)
    raise ColumnError(f"there is no column {name!r} for {column}; there are {', '.join(header) or 'none'}")


def _recognised(column: str, header: Sequence[str], free: Sequence[int]) -> int | None:
    """Return the place of the most usual name of a column among some places."""
    named: dict[str, int] = {}
    for place in free:
        named.setdefault(_bare(header[place]), place)
    return next((named[name] for name in map(_bare, NAMES[column]) if name in named), None)


def _same(name: object, names: Sequence[str]) -> bool:
    return isinstance(name, str) and _bare(name) in map(_bare, names)


def _bare(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def _check(places: dict[str, int], header: Sequence[str]) -> None:
    missing = [name for name in COLUMNS[:2] if name not in places]
    if missing:
        raise ColumnError(
            f"no column is known to hold {' and '.join(name.removesuffix('_id') + 's' for name in missing)}, got "
            f"{', '.join(header) or 'none'}; say which, such as {remedy('a', 'b')}"
        )
    for name, place in places.items():
        if header.count(header[place]) > 1:
            raise ColumnError(f"interactions must have each column once, got {header[place]} several times; drop the "
                              "others")  # fmt: skip
        others = [other for other in places if places[other] == place and other != name]
        if others:
            raise ColumnError(f"columns must be different ones, got {header[place]!r} for {name} and {others[0]}")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _is_time(text: str) -> bool:
    return not _is_number(text) or float(text) >= EPOCH
