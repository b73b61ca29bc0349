"""Whether an output is complete: seen without writing anything, so thousands are soon passed over."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import zip_longest
from pathlib import Path

from ttsflow.errors import OutputError, StoreError
from ttsflow.output import Lease
from ttsflow.session.book import Book
from ttsflow.session.corrections import Corrections
from ttsflow.session.destination import tag_of
from ttsflow.session.recipe import Recipe
from ttsflow.session.request import Request
from ttsflow.session.sidecars import Sidecars
from ttsflow.store import Store, store_path


@contextmanager
def complete_store(request: Request, path: Path) -> Iterator[Store | None]:
    """The store of an output that is whole and was made of the same request, opened to be read.

    None where something is left to be done, or may be. Nothing is written into it, so that of thousands of
    outputs those that are whole are soon passed over. The output is taken meanwhile.
    """
    with ExitStack() as taken:
        found = None
        if path.exists():
            with suppress(OutputError, StoreError):  # whoever is to write it finds out why
                taken.enter_context(Lease(path))
                store = taken.enter_context(Store.open(store_path(path), readonly=True))
                found = store if _has_all(store, request, path) else None
        if found is None:
            taken.close()
        yield found


def _has_all(store: Store, request: Request, path: Path) -> bool:
    """Whether nothing has changed since an output was built from its store."""
    document, setup = request.document, request.manner.setup
    format = setup.formats.of(path, setup.config.output.format)
    recipe = Recipe.of(request.manner, format.name, tag_of(document))
    if Recipe.find(store) != recipe or store.counts().left or Book.read(store).part != document.part:
        return False
    if not store.is_built(path, recipe.fingerprint(store)) or not Sidecars.of(path, recipe).is_made(store):
        return False
    corrected = Corrections.read(store).applied(request.places(), request.manner)
    places = ((place.key, place.job) for place in corrected)
    return all(
        kept is not None and place == (kept.key, kept.job)
        for kept, place in zip_longest(store.places(request.name), places)
    )
