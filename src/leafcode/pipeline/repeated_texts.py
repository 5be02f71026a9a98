"""A long column of texts of which there are few different ones."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc


class RepeatedTexts:
    """Texts and nulls, added a part at a time and kept as numbers of one dictionary.

    Example:
        >>> texts = RepeatedTexts()
        >>> for part in (["a", "b"], ["b", None, "c"]):
        ...     texts.add(pa.array(part))
        >>> texts.array().to_pylist(), texts.array().dictionary.to_pylist()
        (['a', 'b', 'b', None, 'c'], ['a', 'b', 'c'])
    """

    def __init__(self) -> None:
        self._dictionary = pa.array([], pa.string())
        self._indices: list[pa.Array] = [pa.array([], pa.int32())]

    def add(self, texts: pa.Array) -> None:
        """Put texts, possibly dictionary-encoded, after those before."""
        coded = texts.dictionary_encode()
        values = coded.dictionary.cast(pa.string())
        new = values.filter(pc.invert(pc.is_in(values, value_set=self._dictionary)))
        self._dictionary = pa.concat_arrays([self._dictionary, new])
        self._indices.append(pc.index_in(values, value_set=self._dictionary).take(coded.indices))

    def array(self) -> pa.DictionaryArray:
        """All of them."""
        return pa.DictionaryArray.from_arrays(pa.concat_arrays(self._indices), self._dictionary)


def first_known(first: pa.Array, second: pa.Array) -> pa.Array:
    """The first of two values of each row that is not null, of text arrays; two of `RepeatedTexts` stay such.

    Example:
        >>> first_known(pa.array(["a", None]), pa.array(["x", "y"])).to_pylist()
        ['a', 'y']
    """
    if not isinstance(first, pa.DictionaryArray):
        return pc.coalesce(first, second)
    one, other = pa.chunked_array([first, second]).unify_dictionaries().chunks
    return pa.DictionaryArray.from_arrays(pc.coalesce(one.indices, other.indices), one.dictionary)
