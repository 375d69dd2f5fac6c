"""What Cython is told of a module follows from its annotations alone."""

from __future__ import annotations

from core.compiled.declare import translated

MADE = '''
"""A module."""

from __future__ import annotations

import msgspec


class Lot(msgspec.Struct, frozen=True):
    """Some of something."""

    price: float
    count: int = 1
    name: str = "lot"

    def worth(self, factor: float = 1.0) -> float:
        return self.price * self.count * factor

    @property
    def text(self) -> str:
        return self.name


class Shelf:
    """Lots."""

    def __init__(self, best: Lot) -> None:
        self.best = best
        self.sold = 0.0
        self.lots: list[Lot] = []
        self.low: memoryview[float] = memoryview(b"")

    def close(self, *, at: float) -> None:
        self.sold += at
'''
RELATED = """
class Way:
    def go(self) -> int:
        raise NotImplementedError


class Longer(Way):
    def __init__(self, miles: int) -> None:
        self.miles = miles

    def go(self) -> int:
        return self.miles


class Signed(Exception):
    pass
"""
USED = """
from other import thing
from made import Lot, Shelf


def first(shelf: Shelf | None, place: int, names: set[str] | None = None) -> Lot | None:
    lot: Lot = shelf.lots[place]
    return lot


def sorted_by_price(lots: list[Lot]) -> list[Lot]:
    return sorted(lots, key=lambda lot: lot.price)
"""


def lines(name: str) -> list[str]:
    made = translated({"made": MADE, "used": USED})
    return [line.strip() for line in made[name].declarations.splitlines()]


def test_attributes_have_the_types_of_their_annotations() -> None:
    told = lines("made")
    assert {"cdef public double price", "cdef public long long count"} <= set(told)
    assert {"cdef public object name", "cdef public Lot best", "cdef public double sold"} <= set(
        told
    )
    assert {"cdef public list lots", "cdef const double[:] low"} <= set(told)


def test_c_calls_what_python_would_not_have_to_prepare() -> None:
    assert "cpdef double worth(self, double factor=*) except? -1" in lines("made")
    assert not [line for line in lines("made") if "text(" in line or "close(" in line]
    assert not [line for line in lines("used") if "sorted_by_price" in line]


def test_a_native_class_may_be_none_and_is_known_from_its_module() -> None:
    told = lines("used")
    assert "from made cimport Lot, Shelf" in told
    assert "@cython.locals(lot=Lot)" in told
    assert "cpdef Lot first(Shelf shelf, long long place, object names=*)" in told


def test_a_class_with_relations_among_the_native_ones_is_not_final() -> None:
    made = translated({"related": RELATED})["related"]
    told = made.declarations.splitlines()
    assert {"cdef class Way:", "cdef class Longer(Way):", "    cdef public long long miles"} <= {
        *told
    }
    assert not [line for line in told if "final" in line or "Signed" in line]
    assert made.source == RELATED


def test_the_source_stays_line_by_line_and_fields_become_what_makes_them() -> None:
    source = translated({"made": MADE})["made"].source
    before, now = MADE.split("\n"), source.split("\n")
    assert [now[line] for line, text in enumerate(before) if "return" in text] == [
        text for text in before if "return" in text
    ]
    space: dict[str, object] = {}
    exec(source, space)
    lot = space["Lot"](2.5)  # type: ignore[operator]  # the class that was made
    assert (lot.price, lot.count, lot.name, lot.worth(2.0)) == (2.5, 1, "lot", 5.0)


def test_a_record_is_made_without_python_where_it_is_called_by_places() -> None:
    told = translated({"made": MADE, "used": USED + "\n\nONE, TWO = Lot(1.0), Lot(price=2.0)\n"})
    made, used = told["made"], told["used"]
    maker = "cdef Lot _new_Lot(double price, long long count=*, object name=*)"
    assert maker in made.declarations
    assert "from made cimport _new_Lot" in used.declarations
    assert "ONE, TWO = _new_Lot(1.0), Lot(price=2.0)" in used.source


FILLED = """
from __future__ import annotations


class Bin(msgspec.Struct, gc=False):
    \"\"\"Holds no circle.

    Really.
    \"\"\"

    size: int


def fill(places: memoryview[int], given: memoryview[float]) -> None:
    \"\"\"Write.\"\"\"
    mark: str = "x"
    places[0] = mark.find("x") + int(given[0])
"""


def test_a_view_that_is_written_to_is_not_read_only() -> None:
    told = translated({"filled": FILLED})["filled"].declarations
    assert "cpdef object fill(long long[:] places, const double[:] given)" in told
    assert "@cython.locals(mark=str)" in told


def test_what_is_in_no_circle_is_not_looked_at_for_one() -> None:
    source = translated({"filled": FILLED})["filled"].source.split("\n")
    place = source.index("class Bin:")
    assert source[place - 3 : place] == ["@cython.no_gc", "@cython.freelist(8)", "@cython.cclass"]
    assert source[place + 1 : place + 4] == ["", "", ""]
    assert [line for line in source if "import" in line] == [
        "from __future__ import annotations; import cython"
    ]
    assert place == FILLED.split("\n").index('    """Holds no circle.')
