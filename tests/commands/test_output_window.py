"""Which bytes of a stream are kept (D58): the first and the last ones, whatever a node sends in whatever order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stateward.commands import output_window
from stateward.commands.output_window import Kept, Piece, Segment, Span, Taken

LIMIT = 10
TEXT = bytes(range(1, 251))
honest = st.lists(st.tuples(st.integers(0, 250), st.integers(0, 30)), max_size=20)
hostile = st.lists(
    st.builds(Piece, st.integers(0, 2**53) | st.integers(0, 60), st.binary(max_size=30), st.booleans()), max_size=12
)


class Store:
    """What a database would hold: the bytes by their offset."""

    def __init__(self, limit=LIMIT):
        self.kept = Kept()
        self.bytes = {}
        self._limit = limit

    def take(self, *pieces):
        before = self.kept
        taken = output_window.take(before, pieces, self._limit)
        if taken.restarts:
            self.bytes = {at: byte for at, byte in self.bytes.items() if at < before.head}
        for segment in taken.segments:
            self.bytes |= {segment.at + n: byte for n, byte in enumerate(segment.data)}
        kept = self.kept = taken.kept
        self.bytes = {at: byte for at, byte in self.bytes.items() if at < kept.head or at >= kept.tail_from}
        return taken

    def whole(self):
        """The stream as a reader sees it, 7 bytes at a time, and how much was left out."""
        found, left_out, offset = b"", 0, 0
        while True:
            span = output_window.span(self.kept, offset, 7)
            left_out += span.left_out
            found += bytes(self.bytes[at] for at in range(span.start, span.stop))
            if span.stop == offset:
                return found, left_out
            offset = span.stop


@given(st.integers(0, 250), st.lists(st.integers(1, 40), max_size=30), st.integers(1, 60))
def test_any_stream_keeps_its_first_and_its_last_bytes(length, sizes, limit):
    store, at = Store(limit), 0
    for size in [*sizes, length]:
        store.take(Piece(at, TEXT[at : min(at + size, length)]))
        at = min(at + size, length)
    text = TEXT[:length]
    expected = text if length <= 2 * limit else text[:limit] + text[length - limit :]
    assert store.whole() == (expected, max(0, length - 2 * limit))


@given(honest)
def test_pieces_that_repeat_what_is_there_change_nothing(pieces):
    """Those that begin behind what is there are not sent."""
    store = Store()
    for offset, size in pieces:
        if offset > store.kept.length:
            continue
        before, seen = store.kept, dict(store.bytes)
        store.take(Piece(offset, TEXT[offset : offset + size]))
        if offset + size <= before.length:
            assert (store.kept, store.bytes) == (before, seen)
    assert all(TEXT[at] == byte for at, byte in store.bytes.items())


@given(hostile, st.integers(1, 40))
def test_whatever_comes_the_bytes_are_bounded_and_there(pieces, limit):
    store = Store(limit)
    for piece in pieces:
        store.take(piece)
        kept = store.kept
        assert 0 <= kept.head <= kept.tail_from <= kept.length <= 2**53 + 30
        assert kept.head <= limit
        assert kept.length - kept.tail_from <= limit
        assert len(store.bytes) == kept.head + kept.length - kept.tail_from
    assert len(store.whole()[0]) == len(store.bytes)


@given(hostile)
def test_pieces_at_once_and_one_by_one_are_the_same(pieces):
    one_by_one, at_once = Store(), Store()
    for piece in pieces:
        one_by_one.take(piece)
    at_once.take(*pieces)
    assert (at_once.kept, at_once.bytes) == (one_by_one.kept, one_by_one.bytes)


def test_a_gap_ends_the_beginning_and_begins_the_end_anew():
    store = Store()
    store.take(Piece(0, b"abc"), Piece(3, b"de"))
    assert store.take(Piece(20, b"xy")) == Taken(Kept(5, 20, 22), (Segment(20, b"xy"),), restarts=True)
    store.take(Piece(22, b"z"))
    assert store.whole() == (b"abcdexyz", 15)
    store.take(Piece(30, b"!"))
    assert store.whole() == (b"abcde!", 25)


def test_nothing_comes_behind_an_end():
    store = Store()
    store.take(Piece(0, b"abc", end=True), Piece(3, b"d"))
    store.take(Piece(100, b"e", end=True))
    assert (store.whole(), store.kept.ended) == ((b"abc", 0), True)


def test_an_empty_piece_may_be_the_end():
    assert output_window.take(Kept(3, 3, 3), [Piece(3, b"", end=True)], LIMIT) == Taken(Kept(3, 3, 3, True), ())


def test_rows_do_not_hold_bytes_of_both_ends():
    assert output_window.take(Kept(), [Piece(0, TEXT[:15])], LIMIT).segments == (
        Segment(0, TEXT[:10]),
        Segment(10, TEXT[10:15]),
    )


def test_a_segment_is_stored_in_rows():
    size = output_window.ROW_BYTES
    rows = output_window.rows(Segment(7, bytes(2 * size + 1)))
    assert [(row.at, len(row.data)) for row in rows] == [(7, size), (7 + size, size), (7 + 2 * size, 1)]


@pytest.mark.parametrize(
    ("offset", "expected"),
    [
        (0, Span(0, 7)),
        (5, Span(5, 10)),
        (10, Span(50, 57, 40)),
        (49, Span(50, 57, 1)),
        (58, Span(58, 60)),
        (60, Span(60, 60)),
        (99, Span(60, 60)),
    ],
)
def test_a_window_never_goes_across_what_is_left_out(offset, expected):
    assert output_window.span(Kept(10, 50, 60), offset, 7) == expected


@given(st.text(max_size=20), st.integers(0, 60))
def test_a_character_is_never_cut(text, size):
    data = text.encode()
    cut = data[:size]
    whole = output_window.whole_characters(cut)
    assert data[:whole].decode() == text[: len(cut[:whole].decode())]
    assert len(cut) - whole < 4


@given(st.binary(max_size=12))
def test_what_is_no_text_does_not_wait_for_ever(data):
    assert len(data) - output_window.whole_characters(data) < 4
