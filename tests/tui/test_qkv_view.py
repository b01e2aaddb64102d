"""The screen of Q·K·V: the numbers of `ttx inspect qkv`, on what every key and click chooses."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tui_transformer.heads import Head
from tui_transformer.render.views.heads import HeadInside
from tui_transformer.render.views.masks import MaskedBatch, masks_picture
from tui_transformer.render.views.qkv import Attending, qkv_picture
from tui_transformer.traces import as_inside, load_trace
from tui_transformer.tui.app import TtxApp
from tui_transformer.tui.sitting import Sitting
from tui_transformer.tui.views.qkv import QkvView
from tui_transformer.tui.views.qkv_head import Chosen

from .conftest import SIZES, TRACES, at_rest, piloted, settled

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from tui_transformer.traces import Inside
    from tui_transformer.translator import Translator

SENTENCE = "Don't buy that."


async def known(pilot: Pilot[None], *keys: str) -> QkvView:
    """Press keys as soon as all is known, and wait until what they ask for is there."""
    for press in ([], keys):
        await pilot.press(*press)
        for _ in range(1000):
            await settled(pilot)
            view = next(iter(pilot.app.query(QkvView)), None)
            if view and view.inside is not None and not view.computing:
                break
    assert view
    await pilot.pause()
    return view


@pytest.fixture
def kept() -> Inside:
    """What `ttx inspect qkv "Don't buy that." --target "Kauf das nicht!" --trace FILE` keeps of the tiny model."""
    path = TRACES / "a-inside.trace"
    return as_inside(load_trace(path), path)


@pytest.fixture
def looking(scripted: Callable[..., TtxApp], kept: Inside) -> Callable[..., TtxApp]:
    """The screen on a kept decoding, and on what was kept of its inside."""

    def make(**place: Any) -> TtxApp:
        app = scripted(screen="qkv", sitting=Sitting(places={"qkv": place}))
        load = app._load

        def with_inside() -> Any:
            engine = load()
            engine.inside = lambda *_: kept  # type: ignore[method-assign]
            return engine

        app._load = with_inside
        return app

    return make


async def quiet(pilot: Pilot[None]) -> None:
    """For `run_before`."""
    await at_rest(pilot)
    await known(pilot)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_pictures(looking: Callable[..., TtxApp], colours: str, size: tuple[int, int], snap_compare: Any) -> None:
    assert snap_compare(looking(kind="cross", layer=1, head=2), terminal_size=size, run_before=quiet)


@pytest.mark.parametrize("size", SIZES[:2], ids=lambda size: f"{size[0]}x{size[1]}")
def test_masks(looking: Callable[..., TtxApp], colours: str, size: tuple[int, int], snap_compare: Any) -> None:
    async def in_the_middle(pilot: Pilot[None]) -> None:
        await quiet(pilot)
        await known(pilot, *["left"] * 4, *["n"] * (size == SIZES[0]))

    app = looking(kind="decoder", masks=True, unmasked=True)
    assert snap_compare(app, terminal_size=size, run_before=in_the_middle)


# With a model


@pytest.fixture
def running(at_work: Callable[..., TtxApp]) -> TtxApp:
    return at_work(sitting=Sitting(text=SENTENCE, screen="qkv"))


@piloted
async def test_numbers_are_those_of_the_command_line(running: TtxApp, translator: Translator) -> None:
    probed = translator.probe(SENTENCE)
    async with running.run_test() as pilot:
        view = await known(pilot)
        for keys, which, token in [
            ([], Head("encoder", 0, 0), 5),
            (["down", "right", "L", "L"], Head("encoder", 1, 2), 6),
            (["t"], Head("decoder", 1, 2), 7),
            (["t", "K", "H", "left", "k"], Head("cross", 0, 1), 6),
        ]:
            view = await known(pilot, *keys)
            picture = view.picture()
            assert picture is not None
            expected = qkv_picture(Attending(probed, which, token))
            assert picture.to_json() == expected.to_json()
            assert list(picture.table.lines()) == list(expected.table.lines())


@piloted
async def test_in_the_decoder_the_token_is_the_moment(running: TtxApp) -> None:
    async with running.run_test() as pilot:
        view = await known(pilot, "t")
        there = len(running.live.steps)
        assert view.chosen.place(running.live, running.playback.moment) == there - 1
        await known(pilot, "h", "left")
        assert running.playback.moment == there - 2
        await known(pilot, "comma")
        picture = view.picture()
        assert picture is not None
        assert picture.values["token"] == running.playback.moment == there - 3
        await known(pilot, "l")
        assert running.playback.moment == there - 2


EDGES = {
    ("left", "h"): ("token", 1), ("right", "l"): ("token", 11), ("up", "k"): ("layer", 1), ("down", "j"): ("layer", 2),
    ("shift+left", "H"): ("head", 1), ("shift+right", "L"): ("head", 4),
}  # fmt: skip


@piloted
async def test_keys_stop_at_the_last(running: TtxApp) -> None:
    async with running.run_test() as pilot:
        view = await known(pilot)
        for keys, (name, last) in EDGES.items():
            for key in keys:
                view.choose(token=5, layer=0 if last == 2 else 1, head=1)
                await pilot.press(*[key] * 7)
                picture = view.picture()
                assert picture is not None
                assert picture.values[name] == last


@piloted
async def test_masks_pad_and_leak(running: TtxApp, translator: Translator) -> None:
    async with running.run_test() as pilot:
        view = await known(pilot)
        assert not any(view.check_action(action, ()) for action in ("padding", "unmasked"))
        view = await known(pilot, "m", "p", "a")
        picture = view.picture()
        assert picture is not None
        probed = translator.probe(SENTENCE, width=len(running.live.source) + 4)
        head = HeadInside(probed, Head("encoder", 0, 0), 5)
        assert picture.to_json() == masks_picture(MaskedBatch.of(probed), [head], leak=True).to_json()
        assert picture.values["padding_mask"][0].sum() == len(running.live.source) == len(probed.ids) - 4
        unmasked = picture.values["heads"][0]["unmasked_weights"]
        np.testing.assert_allclose(unmasked.sum(axis=-1), 1)
        assert unmasked[:, -4:].all()
        view = await known(pilot, "p", "p", "a", "m")
        assert view.chosen == Chosen()


@piloted
async def test_the_future_would_leak(running: TtxApp) -> None:
    async with running.run_test() as pilot:
        await known(pilot)
        view = await known(pilot, "t", "m", "a", "left", "left", "left")
        picture = view.picture()
        assert picture is not None
        (head,) = picture.values["heads"]
        row = running.playback.moment - 1
        assert not head["weights"][row, row + 1 :].any()
        leaked = head["unmasked_weights"][row, row + 1 :].sum()
        assert 0 < leaked < 1
        assert any(f"would give {leaked:.2f} of its weight" in said for said in picture.says)


@piloted
async def test_scrolling(running: TtxApp) -> None:
    async with running.run_test(size=(80, 24)) as pilot:
        view = await known(pilot)
        sections = view.query_one("#qkv-sections")
        places = []
        for key in ("n", "n", "N", "shift+down", "J", "shift+up", "K", "pagedown", "pageup", "end", "G", "home", "g"):
            await pilot.press(key)
            await pilot.pause()
            places.append(round(sections.scroll_y))
        first, second, back, *lines = places
        assert 0 < back == first < second
        page, bottom = sections.scrollable_content_region.height - 1, round(sections.max_scroll_y)
        expected = [first + 1, first + 2, first + 1, first, first + page, first, bottom, bottom, 0, 0]
        assert lines == expected


@piloted
async def test_the_mouse_chooses(running: TtxApp) -> None:
    async with running.run_test(size=(80, 24)) as pilot:
        view = await known(pilot)
        await pilot.click("#qkv-tokens", offset=(2, 0))
        assert view.chosen.place(running.live, 0) == 0
        for selector, x, expected in [
            ("#qkv-layers", 32, ("layer", 1)),
            ("#qkv-layers", 12, ("kind", "decoder")),
            ("#qkv-heads", 10, ("head", 2)),
            ("#qkv-heads", 20, ("masks", True)),
            ("#qkv-heads", 28, ("padding", 4)),
            ("#qkv-heads", 40, ("unmasked", True)),
        ]:
            await pilot.click(selector, offset=(x, 0))
            await known(pilot)
            assert getattr(view.chosen, expected[0]) == expected[1]


@piloted
async def test_the_palette_goes_to_a_head(running: TtxApp) -> None:
    async with running.run_test() as pilot:
        view = await known(pilot)
        found = {title: run for title, _, run in view.commands()}
        found["Go to layer 2 head 3"]()
        found["Q·K·V: cross attention"]()
        assert view.chosen.which(running.live) == Head("cross", 1, 2)


@piloted
async def test_another_sentence_is_looked_at_anew(running: TtxApp) -> None:
    async with running.run_test() as pilot:
        view = await known(pilot)
        before = view.inside
        running.edit("Give me that.")
        view = await known(pilot)
        picture = view.picture()
        assert picture is not None
        assert view.inside is not before
        assert picture.values["asking"] == running.live.source
        late = view.Looked(running.live.run - 1, 0, "an older sentence")
        view.post_message(late)
        await pilot.pause()
        assert view.inside not in (before, late.found)


@piloted
async def test_a_replay_says_why_there_is_nothing(scripted: Callable[..., TtxApp]) -> None:
    app = scripted(screen="qkv")
    async with app.run_test(size=(80, 24)) as pilot:
        view = await known(pilot, "t", "m", "right", "down", "n")
        assert view.picture() is None
        sections = view.query_one("#qkv-sections")
        assert "this is a replay of a decoding, which does not keep queries, keys and values" in str(
            sections.renderable  # type: ignore[attr-defined]
        )


@pytest.mark.parametrize(
    "place",
    [
        {"kind": "nothing", "layer": -1, "head": True, "token": "4", "padding": 3, "masks": 1},
        {"kind": [], "padding": 4.0, "layer": None},
    ],
)
def test_a_place_that_does_not_fit_is_left_out(place: dict[str, Any]) -> None:
    assert Chosen.of(place) == Chosen()


@piloted
async def test_one_comes_back_to_where_one_was(running: TtxApp) -> None:
    async with running.run_test() as pilot:
        view = await known(pilot, "t", "t", "j", "L", "m", "p")
        kept = view.place()
        assert kept == {"kind": "cross", "layer": 1, "head": 1, "token": None, "masks": True, "padding": 4,
                        "unmasked": False}  # fmt: skip
        view.take({})
        view.take(kept)
        assert view.chosen.which(running.live) == Head("cross", 1, 1)
