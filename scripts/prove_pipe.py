"""Prove that `ttx translate` takes any text: generated lines through a pipe, as many out, in order, memory flat.

    python scripts/prove_pipe.py [--lines 200000] [--json FILE]

The lines are the same for the same seed: sentences from templates, and what goes wrong elsewhere (empty lines,
control characters, NUL, right-to-left text, emoji sequences, bytes that are no UTF-8, half surrogate pairs, Windows
line ends, 20,000 characters). Each line out is checked against its line in: nothing is made of blank lines, and the
white space around the others stays. Memory is what the process holds in each tenth of the run. Linux; a few minutes
on one core with the tests' bundle.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
TENTHS = 10
GROWTH = 1.1
"""Above the first tenth's peak by more than this factor is growth, not noise."""

SECONDS_BETWEEN_SAMPLES = 0.05
LONG = 20_000

PEOPLE = ("Tom", "Mary", "The old man", "My sister", "Nobody", "The teacher", "She", "He", "We all")
DOES = ("called", "admired", "bought", "saw", "wants", "doesn't like", "has never forgotten", "sold", "found 3 of")
THINGS = (
    "the book",
    "a red car",
    "this house",
    "her flowers",
    "the station",
    "a dog",
    "`ls -l`",
    "{name}",
    "1,000 eggs",
)
WHEN = ("", " yesterday", " in the garden", ", didn't they", " at https://a.b/c", " for $ 4.50", " – again")
RIGHT_TO_LEFT = "אבגדהוזחטיךכלםמןנסעףפץצקרשתابتثجحخدذرزسشصضطظعغفقكلمنهوي \u200f\u202b\u202c"
EMOJI = ("👩\u200d🚀", "👨\u200d👩\u200d👧\u200d👦", "🏳️\u200d🌈", "🇩🇪", "👍🏽", "❤️", "\u200d", "\ufe0f", "1️⃣", " ")
CONTROLS = "".join(map(chr, [*range(1, 10), *range(11, 32), *range(127, 160), 0x2028, 0x2029, 0xFEFF]))
BLANKS = ("", " ", "\t", "\u00a0", "\u2003", "\u3000", "\x0b", "\x0c", "\x1c", "\x85", "\u2028")

Line = Callable[[random.Random], bytes]


def sentence(chance: random.Random) -> str:
    """Looks like language."""
    parts = (chance.choice(PEOPLE), chance.choice(DOES), chance.choice(THINGS) + chance.choice(WHEN))
    return " ".join(parts) + chance.choice(".?!")


def character(chance: random.Random) -> str:
    """Any that has UTF-8 and ends no line, from the first 128, the first 65,536, or all."""
    code = chance.randrange(chance.choice((0x80, 0x10000, 0x110000)))
    return " " if code == 0x0A or 0xD800 <= code < 0xE000 else chr(code)


def some(characters: Sequence[str], most: int) -> Line:
    """Up to so many of these."""
    return lambda chance: "".join(chance.choices(characters, k=chance.randint(1, most))).encode()


def invalid(chance: random.Random) -> bytes:
    """A sentence into which bytes fell that are no UTF-8, or half a surrogate pair written as if it were."""
    text, place = sentence(chance).encode(), chance.randrange(10)
    surrogate = chr(chance.randrange(0xD800, 0xE000)).encode(errors="surrogatepass")
    noise = chance.randbytes(chance.randint(1, 6)).replace(b"\n", b"\xff")
    return text[:place] + chance.choice((surrogate, noise, b"\xc3", b"\xf0\x9f\x98")) + text[place:]


def long(chance: random.Random) -> bytes:
    """So many characters of running text, of one word, or of anything."""
    kind, text = chance.randrange(3), ""
    while len(text) < LONG:
        text += (sentence(chance) + " ", "x" * 50, character(chance))[kind]
    return text[:LONG].encode()


KINDS: dict[str, tuple[float, Line]] = {
    "sentence": (60, lambda chance: sentence(chance).encode()),
    "empty": (6, lambda _: b""),
    "blank": (5, some(BLANKS, 4)),
    "control characters": (4, some(CONTROLS + "ab ", 12)),
    "NUL": (2, lambda chance: sentence(chance).replace(" ", "\0", 2).encode()),
    "any characters": (5, lambda chance: "".join(character(chance) for _ in range(chance.randint(1, 20))).encode()),
    "right to left": (3, some(RIGHT_TO_LEFT, 30)),
    "emoji": (4, some(EMOJI, 6)),
    "no UTF-8": (4, invalid),
    "Windows line end": (5, lambda chance: sentence(chance).encode() + b"\r"),
    "several sentences": (2, lambda chance: f" {sentence(chance)} {sentence(chance)}\t{sentence(chance)}".encode()),
    "20,000 characters": (0.025, long),
}


def lines(count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Kind and content, without line ends."""
    chance = random.Random(seed)
    names, weights = [*KINDS], [weight for weight, _ in KINDS.values()]
    for _ in range(count):
        kind = chance.choices(names, weights)[0]
        yield kind, KINDS[kind][1](chance)


@dataclass(slots=True)
class Proof:
    """What was seen. `memory`: the most megabytes held in each tenth of the lines (0: not sampled there), `typical`
    the median: the most depends on how many of the longest lines meet in one window.
    """

    lines: int
    out: int = 0
    exit_code: int = -1
    wrong: int = 0
    first_wrong: str = ""
    seconds: float = 0.0
    memory: tuple[float, ...] = ()
    typical: tuple[float, ...] = ()
    kinds: Counter[str] = field(default_factory=Counter)
    said: str = ""

    @property
    def growth(self) -> float:
        """The most memory after the first tenth over the most in it."""
        return max(self.memory[1:]) / self.memory[0] if self.memory and self.memory[0] else 1.0

    @property
    def holds(self) -> bool:
        """Whether all is as promised."""
        return (self.exit_code, self.out, self.wrong) == (0, self.lines, 0) and self.growth <= GROWTH


def prove(count: int, seed: int, arguments: Sequence[str], environment: dict[str, str] | None = None) -> Proof:
    """Run `ttx translate` with these arguments on so many lines."""
    command = [sys.executable, "-m", "tui_transformer", "translate", *arguments]
    proof, pipe, begun = Proof(count), subprocess.PIPE, time.perf_counter()
    samples: list[tuple[int, float]] = []
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment) as process:
        assert process.stdout
        assert process.stderr
        threading.Thread(target=_feed, args=(process, count, seed), daemon=True).start()
        threading.Thread(target=_sample, args=(process.pid, proof, samples), daemon=True).start()
        for (kind, line), out in zip(lines(count, seed), process.stdout, strict=False):
            _compare(proof, kind, line, out)
        proof.out += sum(1 for _ in process.stdout)
        proof.said = process.stderr.read().decode(errors="replace")
        proof.exit_code = process.wait()
    proof.seconds = time.perf_counter() - begun
    tenths = [[mb for out, mb in samples if out * TENTHS // max(count, 1) == tenth] for tenth in range(TENTHS)]
    proof.memory = tuple(max(tenth, default=0.0) for tenth in tenths)
    proof.typical = tuple(statistics.median(tenth) if tenth else 0.0 for tenth in tenths)
    return proof


def _feed(process: subprocess.Popen[bytes], count: int, seed: int) -> None:
    assert process.stdin
    try:
        with process.stdin:
            process.stdin.writelines(line + b"\n" for _, line in lines(count, seed))
    except BrokenPipeError:
        pass  # the exit code will tell


def _sample(pid: int, proof: Proof, samples: list[tuple[int, float]]) -> None:
    """Memory of a process until it ends, each time with the lines that are out."""
    try:
        while pages := int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]):
            samples.append((proof.out, pages * os.sysconf("SC_PAGESIZE") / 1e6))
            time.sleep(SECONDS_BETWEEN_SAMPLES)
    except OSError:
        pass  # it has ended, or this is not Linux


def _compare(proof: Proof, kind: str, line: bytes, out: bytes) -> None:
    """A line out is there, and begins and ends with the white space of the line in; blank lines are the same."""
    proof.kinds[kind] += 1
    text, said = line.decode(errors="replace"), out.decode(errors="strict").removesuffix("\n")
    core = text.strip()
    before, after = (text[: text.index(core)], text[text.rindex(core) + len(core) :]) if core else (text, "")
    if not (said.startswith(before) and said.endswith(after) and (core or said == text)):
        proof.wrong += 1
        proof.first_wrong = proof.first_wrong or f"line {proof.out + 1} ({kind}): {text[:80]!r} became {said[:80]!r}"
    proof.out += 1


def main() -> None:
    """Run, report; exit code 1 if something does not hold."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--lines", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--model", default=str(REPOSITORY / "tests" / "data" / "tiny"))
    parser.add_argument("--beam", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, help="also write what was found to this file")
    options = parser.parse_args()
    arguments = ["--model", options.model, "--beam", str(options.beam), "--threads", str(options.threads)]
    proof = prove(options.lines, options.seed, arguments)
    print(f"{proof.lines:,} lines in, {proof.out:,} out, exit code {proof.exit_code}, {proof.seconds:.0f} s")
    print(", ".join(f"{kind} {count:,}" for kind, count in proof.kinds.most_common()))
    print("most MB held, tenth by tenth: " + " ".join(f"{mb:.0f}" for mb in proof.memory) + f" ({proof.growth:.2f} ×)")
    print("median MB: " + " ".join(f"{mb:.0f}" for mb in proof.typical))
    print(f"lines that lost their white space or their place: {proof.wrong:,} {proof.first_wrong}")
    print(f"stderr: {proof.said.strip()}")
    print("It holds." if proof.holds else "It does not hold.")
    if options.json:
        options.json.write_text(
            json.dumps({**asdict(proof), "kinds": dict(proof.kinds), "growth": proof.growth}, indent=2) + "\n"
        )
    sys.exit(not proof.holds)


if __name__ == "__main__":
    main()
