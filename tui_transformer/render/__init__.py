"""Values become pictures: the same ones for the command line, the screens and files. Pure; numpy and Rich only.

Read in this order:

1. `palette` and `labels`: the one colour scale, the glyphs that say the same without colour, text that keeps a grid.
2. `heatmap`, `grid`, `bars`, `braille`, `strips`, `outline`, `cards`: what pictures are made of. Each adapts
   itself to the width and to colour or no colour when it is printed; what does not fit is pooled or cut, and the
   picture says so.
3. `picture`: a title, a body, sentences that say what one sees, and the values as JSON and as a table.
4. `views`: one file a view, plain values → `Picture`.
5. `svg`, `shapes` and `save`: a picture as a file.

How to add a view, such as `ttx inspect surprise TEXT`, in about thirty lines:

1. `render/views/surprise.py`: a pure function `surprise_picture(pieces, bits) -> Picture` from plain values.
2. `cli/inspect/surprise.py`: the command. It gets the values and hands a function from text to `Picture` to
   `show_view`, which does all the rest: stdin, formats, files, colour, pages, animation, errors.

       @with_options
       def surprise(options: Options, text: Text = None) -> None:
           '''Show how much each piece surprises.'''
           def make(text: str) -> Picture:
               from tui_transformer.render.views.surprise import surprise_picture

               return surprise_picture(*_values(options.translator, text))

           show_view("surprise", text, make, options)

   A view that shows a decoding takes `with_options_and_traces` instead, and `options.decoding(text, how)` gives it
   the `Trace`, decoded or read from a file. Layers, heads, steps and pieces are checked by `cli/inspect/selection`.
3. `cli/inspect/__init__.py`: one line registers it.
4. `tests/cli/test_inspect_surprise.py`: values, bad input, and `golden(picture, "surprise")`, which compares the
   picture at 40, 80 and 120 columns with and without colour with the files in `tests/golden/`; run pytest with
   `GOLDEN=write` to write them, and look at what was written.
"""
