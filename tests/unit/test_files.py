from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest

from discorank import InvalidInput
from discorank._files import check_writable, read_arrays, write_atomically


@pytest.mark.parametrize(
    "content", ["one", b"one", lambda file: file.write(b"one")], ids=["text", "bytes", "callable"]
)
def test_a_file_is_written_whole(tmp_path: Path, content: Any) -> None:
    file = tmp_path / "f.txt"
    file.write_text("before")
    write_atomically(file, content)
    assert file.read_text() == "one"
    assert list(tmp_path.iterdir()) == [file]


def test_or_not_at_all(tmp_path: Path) -> None:
    def fail(file: BinaryIO) -> None:
        file.write(b"half")
        raise OSError("no space left")

    file = tmp_path / "f.txt"
    file.write_text("before")
    with pytest.raises(OSError, match="no space"):
        write_atomically(file, fail)
    assert file.read_text() == "before"
    assert list(tmp_path.iterdir()) == [file]


def test_names_that_are_no_unicode_are_escaped(tmp_path: Path) -> None:
    write_atomically(tmp_path / "f.txt", "caf\udce9")
    assert (tmp_path / "f.txt").read_text() == r"caf\udce9"


def test_what_cannot_be_written_is_refused_before(tmp_path: Path) -> None:
    check_writable(tmp_path / "f.txt", "--out")
    with pytest.raises(InvalidInput, match=r"--out .* is a folder"):
        check_writable(tmp_path, "--out")
    with pytest.raises(InvalidInput, match="no folder that one can write to"):
        check_writable(tmp_path / "none" / "f.txt", "--out")
    if Path("/proc").is_dir():  # where even root creates nothing, whatever the permissions say
        with pytest.raises(InvalidInput, match="no folder that one can write to"):
            check_writable(Path("/proc/f.txt"), "--out")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_device_or_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    check_writable(pipe, "--out")
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_atomically(pipe, "one")
    assert os.read(reader, 10) == b"one"
    os.close(reader)
    assert list(tmp_path.iterdir()) == [pipe]
    assert pipe.is_fifo()


def test_arrays_are_those_that_are_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "f.npz"
    np.savez(file, a=np.arange(3), b=np.eye(2), c=np.array([None]))
    assert list(read_arrays(file, "b", optional=("a", "d"))) == ["b", "a"]
    with pytest.raises(InvalidInput, match=r"f\.npz: has no array 'd', only a, b, c; as follows"):
        read_arrays(file, "d", hint="as follows")
    with pytest.raises(InvalidInput, match="it holds Python objects"):
        read_arrays(file, "c")


def test_files_that_hold_no_arrays(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="there is no file"):
        read_arrays(tmp_path / "none.npz")
    np.save(tmp_path / "one.npy", np.eye(2))
    with pytest.raises(InvalidInput, match=r"one\.npy: no \.npz file"):
        read_arrays(tmp_path / "one.npy")
    with zipfile.ZipFile(tmp_path / "locked.npz", "w") as archive:
        archive.writestr("a.npy", b"")
    content = bytearray((tmp_path / "locked.npz").read_bytes())
    for head, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(head) + flags] |= 1  # encrypted
    (tmp_path / "locked.npz").write_bytes(content)
    with pytest.raises(InvalidInput, match=r"cannot be read .*encrypted"):
        read_arrays(tmp_path / "locked.npz", "a")


def test_a_header_that_claims_more_than_there_is_memory(tmp_path: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f8", "fortran_order": False, "shape": (10**15,)}
    )
    with zipfile.ZipFile(tmp_path / "f.npz", "w") as archive:
        archive.writestr("a.npy", header.getvalue())
    with pytest.raises(InvalidInput, match="an array in it cannot be read"):
        read_arrays(tmp_path / "f.npz", "a")
