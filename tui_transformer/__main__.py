"""`python -m tui_transformer` is `ttx`."""

from tui_transformer.cli import main

if __name__ == "__main__":
    main()
