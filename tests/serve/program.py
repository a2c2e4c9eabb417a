"""A program for tabs that starts at once: it says what it is told, and does what it is asked.

Speaks as Textual's driver for browsers does, and knows nothing of Textual.
"""

import json
import os
import sys
import time


def write(kind: bytes, payload: bytes) -> None:
    os.write(1, kind + len(payload).to_bytes(4, "big") + payload)


def say(text: str) -> None:
    write(b"D", text.encode())


def read() -> tuple[bytes, bytes]:
    head = sys.stdin.buffer.read(5)
    if len(head) < 5:
        sys.exit(0)
    return head[:1], sys.stdin.buffer.read(int.from_bytes(head[1:], "big"))


def obey(text: str) -> None:
    """Do what is typed."""
    if text == "die":
        sys.exit("out of paper")
    if text == "hang":
        say("hanging")
        while True:
            time.sleep(3600)
    if text == "save":
        with open(os.environ["TOKEN_EXPLORER_WORKSPACE"], "a") as file:
            file.write("saved ")
    if text == "load":
        with open(os.environ["TOKEN_EXPLORER_WORKSPACE"]) as file:
            say(f"loaded: {file.read()}")
    if text == "where":
        say(f"{os.environ['COLUMNS']}x{os.environ['ROWS']} {os.environ['TOKEN_EXPLORER_WORKSPACE']}")
    if text == "hand out":
        start = {
            "type": "deliver_file_start",
            "key": "ab" * 16,
            "path": "/x/out.txt",
            "open_method": "download",
        }
        write(b"M", json.dumps({**start, "mime_type": "text/plain", "encoding": "utf-8"}).encode())
    say(f"typed: {text}")


def packed(key: str, chunk: bytes) -> bytes:
    """("deliver_chunk", key, chunk), as textual-serve reads it."""
    parts = b"".join(b"s%d:%s" % (len(part), part) for part in (b"deliver_chunk", key.encode()))
    return b"t%s%d:%se" % (parts, len(chunk), chunk)


def main() -> None:
    os.write(1, b"a line before the screen\n__GANGLION__\n")
    say("the screen, first of all")
    chunks = [b"handed ", b"out", b""]
    while True:
        kind, payload = read()
        if kind == b"D":
            obey(payload.decode())
            continue
        told = json.loads(payload)
        if told["type"] == "quit":
            write(b"M", b'{"type": "exit"}')
            sys.exit(0)
        elif told["type"] == "deliver_chunk_request":
            write(b"P", packed(told["key"], chunks.pop(0)))
        else:
            say(f"{told['type']}: {told.get('width')}x{told.get('height')}")


main()
