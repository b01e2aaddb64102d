"""`ttx tui`: the same events and pictures as the command line, on screens that one can walk about in.

Read in this order:

1. `live`: one sentence's decoding as far as it has come, and the moment of it that all screens show. No Textual.
2. `engine`: where decodings come from: a model, or a kept trace.
3. `app`: the shell. It hears of edits and keys, lets a thread decode, folds what happens, and tells the view in front.
4. `view`: what every screen is; `picture_view` draws any Rich renderable by lines.
5. `views`: one file a screen.
"""
