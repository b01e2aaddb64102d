"""A guided walk through the Transformer: what is told at each stop, where one stands, and the walk as a document.

`stops` are the texts, `walk` is what keys do, `document` the same walk as Markdown or HTML. The pictures come from the
commands that each stop names: nothing is drawn here.
"""
