"""The collector rests for as long as anybody asks for it, and no longer."""

import gc

import pytest

from core.store.collector import without_collections


def test_the_collector_rests_until_the_last_who_asked_is_done() -> None:
    assert gc.isenabled()
    with without_collections():
        with without_collections():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_goes_on_after_an_error() -> None:
    with pytest.raises(ValueError, match="no"), without_collections():
        raise ValueError("no")
    assert gc.isenabled()


def test_a_collector_that_others_switched_off_stays_off() -> None:
    gc.disable()
    try:
        with without_collections():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
