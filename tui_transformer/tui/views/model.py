"""The model: what it is made of, its card, other models in its place, and two models side by side."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType

from tui_transformer.tui.paging import Page, PagedView, page_keys

from .model_card import CardPage
from .model_compare import ComparePage
from .model_parts import PartsPage
from .model_switch import ModelList, ModelsPage


class ModelView(PagedView):
    """Four pages."""

    NAME = "model"
    TITLE = "Model"
    PAGES: ClassVar[tuple[type[Page], ...]] = (PartsPage, CardPage, ModelsPage, ComparePage)
    BINDINGS: ClassVar[list[BindingType]] = [*page_keys("model", PAGES)]
    HELP: ClassVar[str] = (
        "What the model is made of. Up and down walk through the tree, right and left (or enter) open and close a "
        "part; a click does the same. Below stand what the part is for and each tensor it is stored in: type, shape, "
        "file and place. What reads the same input is one matrix, of which a part has its share.\n\n"
        "c shows the model card. m lists the models that are installed: enter puts one in the place of this one, for "
        "the whole application; a path does as well. d compares this model with another one on the sentence that is "
        "being translated: both read the same target, B − A is how much likelier B finds each piece."
    )

    def on_model_list_against(self, message: ModelList.Against) -> None:
        """Compare with a model of the list."""
        self.query_one(ComparePage).compare_with(message.path)
        self.action_page(ComparePage.NAME)
