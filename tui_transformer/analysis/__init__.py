"""What attention says: words for pieces, alignment, coverage. numpy on what was computed; no model, no screen.

Attention is not explanation: it shows where the model looked, not why it chose.
"""
