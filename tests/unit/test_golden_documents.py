"""The JSON of every report of every recorded image is what it was, key by key."""

from __future__ import annotations

import pytest

from tools import golden, images

RECORDED = golden.recorded()


def test_every_image_has_its_digests() -> None:
    assert sorted(RECORDED) == images.names()


@pytest.mark.parametrize("image", images.names())
def test_the_documents_are_what_they_were(image: str) -> None:
    found, wanted = golden.digests(image), RECORDED[image]
    assert list(found) == list(wanted)
    for name, keys in wanted.items():
        assert list(found[name]) == list(keys), name
        assert [key for key in keys if found[name][key] != keys[key]] == [], name
