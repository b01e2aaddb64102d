"""`ttx translate` as a user meets it: arguments, pipes, files, and all that can go wrong."""

from __future__ import annotations

import os
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

Ttx = Callable[..., Any]
ROOM = 1001
"""Bytes that a disk of ours holds: in the middle of a line."""
SOON = 60
"""Seconds after which an answer will not come any more, however busy the machine is."""

posix = pytest.mark.skipif(os.name == "nt", reason="needs POSIX")


def one_line(text: str) -> bool:
    """Whether this is a message of ttx: one line that says so."""
    return text.startswith("ttx: ") and text.count("\n") == 1 and text.endswith("\n")


@contextmanager
def started(environment: dict[str, str], *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A `ttx translate` that talks, and that Ctrl-C reaches even if the tests run in the background."""
    code = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from tui_transformer.cli import main
main()
"""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", code, "translate", *arguments],
        stdin=pipe, stdout=pipe, stderr=pipe, env=environment, bufsize=0,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


def next_line(process: subprocess.Popen[bytes]) -> bytes:
    """The next line, if it comes soon."""
    assert process.stdout
    ready, _, _ = select.select([process.stdout], [], [], SOON)
    assert ready, "no line came"
    return process.stdout.readline()


# -- what comes out -----------------------------------------------------------------------------------


def test_arguments_are_lines(ttx_process: Ttx) -> None:
    done = ttx_process("translate", "Don't buy that.", "", "The roof leaks.\n  Tom is impolite. ")
    assert done == (0, "Kauf das nicht!\n\nDas Dach leckt.\n  Tom ist unhöflich. \n", "")


def test_a_pipe_gets_a_line_for_each_line(ttx_process: Ttx) -> None:
    text = "\ufeff\nThe roof leaks.\r\n\r\n\t\x0b \nHer book is red.\u2028\n\n\nTom kept fighting."  # no end of line
    done = ttx_process("translate", stdin=text.encode())
    assert (done.code, done.err) == (0, "")
    lines = done.out.split("\n")
    assert lines[1:] == [
        "Das Dach leckt.\r",
        "\r",
        "\t\x0b ",
        "Ihr Buch ist rot.\u2028",
        "",
        "",
        "Tom kämpfte weiter.",
        "",
    ]


def test_nothing_in_nothing_out(ttx_process: Ttx) -> None:
    assert ttx_process("translate") == (0, "", "")


def test_files_in_and_out(ttx_process: Ttx, tmp_path: Path, pairs: list[tuple[str, str]]) -> None:
    (tmp_path / "a.txt").write_text("".join(f"{source}\n" for source, _ in pairs), encoding="utf-8")
    (tmp_path / "b.txt").write_text("what stood here before, longer than what comes\n" * 1000)
    assert ttx_process("translate", "-i", "a.txt", "-o", "b.txt") == (0, "", "")
    assert (tmp_path / "b.txt").read_text(encoding="utf-8") == "".join(f"{target}\n" for _, target in pairs)


def test_options_and_verbose(ttx_process: Ttx, bundle_folder: Path) -> None:
    options = ["--beam", "2", "--max-length", "2", "--threads", "1", "--device", "cpu", "--length-penalty", "1", "-v"]
    done = ttx_process(
        "translate", "-m", bundle_folder, *options, "Tom vanished without a trace.", TTX_MODEL="no-such-model"
    )
    assert done == (0, "Tom ist\n", f"ttx: model {bundle_folder} (en → de, fp32) on cpu, 1 worker(s)\n")


def test_a_long_line_is_translated_in_parts(ttx_process: Ttx, pairs: list[tuple[str, str]]) -> None:
    long = " ".join(source for source, _ in pairs)
    text = f"The roof leaks.\n{long}\nThe roof leaks.\n".encode()
    done = ttx_process("translate", "-v", stdin=text)
    assert done.code == 0
    first, middle, last, _ = done.out.split("\n")
    assert first == last == "Das Dach leckt."
    assert middle.count(".") > 10
    messages = done.err.splitlines()
    assert len(messages) == 2
    assert messages[1] == "ttx: line 2: translated in 50 parts"
    assert ttx_process("translate", stdin=text) == (0, done.out, "")


# -- text that is no UTF-8 ----------------------------------------------------------------------------


def test_bytes_that_are_no_utf8_are_replaced_and_reported(ttx_process: Ttx) -> None:
    done = ttx_process("translate", stdin=b"The roof leaks.\n\xff\xfe\n\xe4\nThe roof leaks.\n\xc3")
    assert done.code == 0
    lines = done.out.split("\n")
    assert (len(lines), lines[0], lines[3]) == (6, "Das Dach leckt.", "Das Dach leckt.")
    assert one_line(done.err)
    assert "standard input: 3 line(s) not valid UTF-8, first line 2;" in done.err


@posix
def test_arguments_may_be_no_utf8_either(ttx_process: Ttx) -> None:
    done = ttx_process("translate", "The roof leaks.", b"Tom \xff")
    assert (done.code, done.out.count("\n")) == (0, 2)
    assert one_line(done.err)
    assert "the arguments: 1 line(s) not valid UTF-8, first line 2;" in done.err


# -- what is refused ----------------------------------------------------------------------------------


@posix
@pytest.mark.parametrize("way", ["by name", "by another name", "through a pipe"])
def test_the_input_is_never_overwritten(
    ttx_process: Ttx, environment: dict[str, str], tmp_path: Path, way: str
) -> None:
    text = tmp_path / "x.txt"
    text.write_text("The roof leaks.\n")
    (tmp_path / "y.txt").hardlink_to(text)
    if way == "through a pipe":
        with open(text, "rb") as file:
            command = [sys.executable, "-m", "tui_transformer", "translate", "-o", str(text)]
            process = subprocess.run(command, stdin=file, capture_output=True, env=environment, check=False)
        code, err = process.returncode, process.stderr.decode()
    else:
        code, _, err = ttx_process("translate", "-i", text, "-o", text if way == "by name" else "y.txt")
    assert code == 5
    assert one_line(err)
    assert "is also the input" in err
    assert text.read_text() == "The roof leaks.\n"


def test_an_unknown_model(ttx_process: Ttx, tmp_path: Path) -> None:
    (tmp_path / "out.txt").write_text("kept")
    done = ttx_process("translate", "-m", "xx-yy", "-o", "out.txt", "Hello.")
    assert (done.code, done.out) == (3, "")
    assert one_line(done.err)
    assert "'xx-yy'" in done.err
    assert (tmp_path / "out.txt").read_text() == "kept"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("manifest.json", b"{"),
        ("decoder_model.onnx", None),
        ("decoder_model.onnx", b"short"),
        ("encoder_model.onnx", "same size"),
        ("target.spm", "same size"),
    ],
)
def test_a_broken_model(ttx_here: Ttx, bundle_folder: Path, tmp_path: Path, name: str, content: Any) -> None:
    model = tmp_path / "model"
    shutil.copytree(bundle_folder, model)
    (model / name).unlink()
    if content:
        size = (bundle_folder / name).stat().st_size
        (model / name).write_bytes(b"\xff" * size if content == "same size" else content)
    done = ttx_here("translate", "-m", model, "Hello.")
    assert (done.code, done.out) == (3, "")
    assert one_line(done.err)
    assert str(model) in done.err or name == "target.spm"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["-i", "nowhere.txt"], "cannot read nowhere.txt: "),
        (["-i", "folder"], "cannot read folder: "),
        (["-o", "nowhere/out.txt", "Hello."], "cannot write nowhere/out.txt: "),
        (["-o", "folder", "Hello."], "cannot write folder: "),
    ],
)
@posix
def test_files_that_cannot_be_used(ttx_process: Ttx, tmp_path: Path, arguments: list[str], reason: str) -> None:
    (tmp_path / "folder").mkdir()
    done = ttx_process("translate", *arguments)
    assert (done.code, done.out) == (5, "")
    assert one_line(done.err)
    assert done.err.startswith(f"ttx: {reason}")


@pytest.mark.parametrize(
    "arguments",
    [
        ["Hello.", "-i", "a.txt"],
        ["--beam", "0", "Hello."],
        ["--beam", "65", "Hello."],
        ["--beam", "wide", "Hello."],
        ["--length-penalty", "-1", "Hello."],
        ["--max-length", "0", "Hello."],
        ["--threads", "0", "Hello."],
        ["--device", "tpu", "Hello."],
        ["--no-such-option"],
        ["-i"],
    ],
    ids=" ".join,
)
def test_wrong_usage(ttx_here: Ttx, tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "a.txt").write_text("Hello.\n")
    done = ttx_here("translate", *arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("ttx: ")
    assert done.err.count("\n") == 1
    assert arguments[0] in done.err or "--input" in done.err


@pytest.mark.skipif(Path("/dev/nvidiactl").exists(), reason="there may be a GPU")
def test_a_gpu_that_is_not_there(ttx_process: Ttx) -> None:
    done = ttx_process("translate", "--device", "cuda", "Hello.")
    assert (done.code, done.out) == (4, "")
    assert one_line(done.err)


@pytest.mark.parametrize("setting", [{"TTX_DEVICE": "tpu"}, {"TTX_THREADS": "none"}], ids=str)
def test_settings_from_the_environment_are_checked_too(ttx_here: Ttx, setting: dict[str, str]) -> None:
    assert ttx_here("translate", "Hello.", **setting).code == 2


# -- pipes --------------------------------------------------------------------------------------------


@posix
@pytest.mark.parametrize("closed", ["<&-", ">&-"])
def test_a_closed_standard_stream_is_one_clear_error(environment: dict[str, str], closed: str) -> None:
    text = "" if closed == "<&-" else "Hello."
    command = ["sh", "-c", f'exec "$0" -m tui_transformer translate {text} {closed}', sys.executable]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, done.stdout) == (5, "")
    assert one_line(done.stderr)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("way", ["standard output", "-o"])
def test_a_full_disk(environment: dict[str, str], way: str) -> None:
    output = ["-o", "/dev/full"] if way == "-o" else []
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "tui_transformer", "translate", *output, "Hello."],
            stdout=None if output else full, stderr=subprocess.PIPE, text=True, env=environment, check=False,
        )  # fmt: skip
    assert done.returncode == 5
    assert one_line(done.stderr)
    assert "cannot write" in done.stderr


@posix
def test_a_disk_that_fills_up_keeps_what_was_finished(
    ttx_process: Ttx, environment: dict[str, str], tmp_path: Path
) -> None:
    """A limit on the size of files stands for a disk that is full after so many bytes."""
    code = f"""
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, ({ROOM}, {ROOM}))
from tui_transformer.cli import main
main()
"""
    lines = [f"The roof leaks. {n}" for n in range(300)]
    (tmp_path / "in.txt").write_text("".join(f"{line}\n" for line in lines))
    command = [sys.executable, "-c", code, "translate", "-i", "in.txt", "-o", "out.txt"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, check=False)
    assert (done.returncode, done.stdout) == (5, "")
    assert one_line(done.stderr)
    assert "cannot write out.txt: " in done.stderr
    written = (tmp_path / "out.txt").read_bytes()
    assert len(written) == ROOM
    assert ttx_process("translate", "-i", "in.txt").out.encode().startswith(written)


@posix
def test_a_worker_that_dies_is_one_clear_error(environment: dict[str, str]) -> None:
    """What was finished before is out."""
    code = """
from tui_transformer.translator import Translator
from tui_transformer.cli import main
translate_batch = Translator.translate_batch
def dies(self, sources, *rest):
    if any("deadly" in source.text for source in sources):
        raise MemoryError("no room for a batch")
    return translate_batch(self, sources, *rest)
Translator.translate_batch = dies
main()
"""
    text = "The roof leaks.\n" * 500 + "deadly\n" + "The roof leaks.\n" * 5000
    command = [sys.executable, "-c", code, "translate", "--beam", "1", "--threads", "2"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 1
    assert one_line(done.stderr)
    first, last = map(int, re.findall(r"failed in lines (\d+) to (\d+): MemoryError: no room", done.stderr)[0])
    assert first <= 501 <= last
    assert done.stdout == "Das Dach leckt.\n" * (first - 1) != ""


@posix
def test_a_process_that_is_killed_leaves_whole_lines(environment: dict[str, str], tmp_path: Path) -> None:
    out = tmp_path / "out.txt"
    with started(environment, "--beam", "1", "-o", str(out)) as process:
        assert process.stdin
        process.stdin.write(b"The roof leaks.\n" * 2000)
        end = time.monotonic() + SOON
        while not out.exists() or not out.stat().st_size:
            assert time.monotonic() < end, "nothing was written"
            time.sleep(0.01)
        process.kill()
        assert process.wait(SOON) == -signal.SIGKILL
    lines = out.read_text(encoding="utf-8").split("\n")
    assert (set(lines[:-1]), lines[-1]) == ({"Das Dach leckt."}, "")


@posix
def test_who_has_seen_enough_may_leave(environment: dict[str, str]) -> None:
    with started(environment, "--beam", "1") as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdin.write(b"The roof leaks.\n" * 400)
        assert next_line(process) == b"Das Dach leckt.\n"
        process.stdout.close()
        process.stdin.write(b"The roof leaks.\n" * 400)
        assert process.wait(SOON) == 141
        assert process.stderr.read() == b""


@posix
def test_a_line_is_answered_before_the_next_one_comes(
    environment: dict[str, str], pairs: list[tuple[str, str]]
) -> None:
    with started(environment) as process:
        assert process.stdin
        assert process.stderr
        for source, target in pairs[:3]:
            process.stdin.write(f"{source}\n".encode())
            assert next_line(process) == f"{target}\n".encode()
        process.stdin.close()
        assert process.wait(SOON) == 0
        assert process.stderr.read() == b""


@posix
@pytest.mark.parametrize("busy", [False, True], ids=["waiting", "busy"])
def test_ctrl_c_ends_it_at_once(environment: dict[str, str], busy: bool) -> None:
    with started(environment, "--beam", "64" if busy else "4") as process:
        assert process.stdin
        assert process.stderr
        process.stdin.write(b"The roof leaks.\n")
        assert next_line(process) == b"Das Dach leckt.\n"
        if busy:
            process.stdin.write(b"What is not known by heart takes its time.\n" * 1000)
            time.sleep(0.2)
        start = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.wait(SOON) == 130
        assert time.monotonic() - start < 5
        assert process.stderr.read() == b""
