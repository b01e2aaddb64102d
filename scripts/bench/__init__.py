"""The benchmark, ttx beside CTranslate2 on the same weights: `python -m scripts.bench --help`. Nobody imports it."""
