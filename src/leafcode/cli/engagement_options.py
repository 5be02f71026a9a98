"""Options that say what is known of the use of items, and how to read it."""

from __future__ import annotations

import argparse

from leafcode.catalog import Catalog, Engagement, read_engagement


def add_engagement_options(parser: argparse.ArgumentParser) -> None:
    """The file of baskets or sessions, its columns, and which pairs count."""
    group = parser.add_argument_group("engagement")
    group.add_argument(
        "--engagement",
        metavar="FILE",
        help="baskets, orders or sessions: a line (basket, item) for each item in each",
    )
    group.add_argument(
        "--basket-column", metavar="COLUMN", help="guessed if left out: basket_id, order_id, session_id, …"
    )
    group.add_argument(
        "--item-column", metavar="COLUMN", help="guessed if left out: item_id, product_id or id"
    )
    group.add_argument(
        "--window",
        type=int,
        metavar="PLACES",
        help="for sessions: only items at most that many places apart go together",
    )
    group.add_argument(
        "--order-column",
        metavar="COLUMN",
        help="with --window, the order of a session; guessed if left out: position, timestamp or time",
    )
    group.add_argument(
        "--min-support", type=int, default=2, metavar="BASKETS", help="baskets that a pair has to share"
    )
    group.add_argument(
        "--unknown-items",
        choices=("error", "ignore"),
        default="error",
        help="what to do with lines whose item the catalogue lacks",
    )


def read_chosen_engagement(options: argparse.Namespace, catalog: Catalog) -> Engagement | None:
    """The engagement that the options of `add_engagement_options` name; None without a file.

    Raises:
        InputError: Anything wrong with the file.
    """
    if options.engagement is None:
        return None
    return read_engagement(
        options.engagement,
        catalog.ids,
        basket_column=options.basket_column,
        item_column=options.item_column,
        order_column=options.order_column,
        unknown=options.unknown_items,
        window=options.window,
        min_support=options.min_support,
    )
