"""Replies as they go out."""

from __future__ import annotations

import asyncio
import threading

from functions.exchange import JSON, Content
from functions.handling import coding
from functions.handling.replies import Reply
from functions.handling.response import Response, compressed

GZIP = {"accept-encoding": "gzip"}


def test_others_are_answered_while_a_long_answer_is_compressed(monkeypatch):
    others_were_answered = threading.Event()

    def deflate(body: bytes) -> bytes:
        return b"packed" if others_were_answered.wait(30) else body

    async def both():
        async def answer_others():
            others_were_answered.set()

        long = Reply(200, Content(JSON, bytes(1 << 20)))
        return await asyncio.gather(compressed(long, GZIP), answer_others())

    monkeypatch.setattr(coding, "deflate", deflate)

    reply, _ = asyncio.run(both())

    assert reply == Reply(200, Content(JSON, b"packed"), (("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding")))


def test_an_answer_is_left_as_it_is_for_a_caller_who_takes_no_gzip():
    reply = Reply(200, Content(JSON, bytes(1 << 20)))

    assert asyncio.run(compressed(reply, {"accept-encoding": "gzip;q=0, br"})) is reply


def test_headers_of_reply_and_content_that_have_one_name_are_one_header():
    content = Content("text/html", b"<p>", (("vary", "Accept"),))

    response = Response(Reply(200, content, (("Retry-After", "1"), ("Vary", "Origin"))), 7)

    assert response.raw_headers == [
        (b"content-length", b"3"),
        (b"content-type", b"text/html"),
        (b"retry-after", b"1"),
        (b"vary", b"Origin, Accept"),
        (b"x-model-version", b"7"),
    ]
