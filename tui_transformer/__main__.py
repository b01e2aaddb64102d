"""`python -m tui_transformer` is `ttx`."""

from tui_transformer.entry import main

if __name__ == "__main__":
    main()
