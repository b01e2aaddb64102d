"""Corpora from their public sites, in the layout that recipes read: `python scripts/download_corpora.py --help`.

`sources.toml` says what there is; `fetch` downloads it, `lock` remembers and checks what came, `archives` opens it,
`formats`, `po`, `fluent` and `sidebyside` find the pairs in it, `clean` decides which of them may be used, `build`
writes the files. Standard library only; nobody imports it.
"""
