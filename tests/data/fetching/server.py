"""A server on loopback that sends files well, badly, or sends something else."""

import hashlib
import re
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import numpy as np

from kohort.data.fetching.published import Published

CONTENT = np.random.default_rng(5).bytes(1_000_003)


def published(*addresses, content=CONTENT):
    """A file of this content, as the catalogue has it."""
    md5 = hashlib.md5(content).hexdigest()
    return Published("letters.tar.gz", len(content), md5, addresses)


class Server:
    """Answers each request by the next of `answers`, the last one over and over.

    Attributes:
        address: Where it is.
        asked: For each request the first byte that it asked for; None where it asked for all.
    """

    def __init__(self, port, answers):
        self.address = f"http://127.0.0.1:{port}/letters.tar.gz"
        self.asked = []
        self._answers = list(answers)

    def answer(self, request):
        found = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range", ""))
        self.asked.append(int(found[1]) if found else None)
        how = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        how(request, self.asked[-1])


@contextmanager
def serving(*answers):
    """A running server."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            server.answer(self)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        listening.daemon_threads = True
        server = Server(listening.server_port, answers)
        thread = Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            listening.shutdown()
            thread.join()


def sends(content=CONTENT, *, cut=None, length=True, ranges=True, status=None):
    """An answer with the content.

    Args:
        content: What there is at the address.
        cut: The connection ends after so many bytes of the answer.
        length: Whether the length of the answer is told; or what is told in its place.
        ranges: Whether the range that was asked for is sent; else everything. Or the text that is
            told to be the range.
        status: The status; None for the one that fits.
    """

    def answer(request, first):
        is_part = bool(ranges) and first is not None
        body = content[first:] if is_part else content
        request.send_response(status or (206 if is_part else 200))
        if is_part:
            of = f"bytes {first}-{len(content) - 1}/{len(content)}"
            request.send_header("Content-Range", of if ranges is True else ranges)
        if length is not False:
            request.send_header("Content-Length", str(len(body) if length is True else length))
        request.end_headers()
        request.wfile.write(body[:cut])
        request.close_connection = True

    return answer


def sends_chunks(*, cut):
    """An answer in chunks, of which the connection ends within one."""

    def answer(request, _):
        request.send_response(200)
        request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()
        request.wfile.write(f"{len(CONTENT):x}\r\n".encode() + CONTENT[:cut])

    return answer


def refuses(status):
    """An answer without the file."""
    return lambda request, _: request.send_error(status)


def redirects(address, status=302):
    """An answer that names another address."""

    def answer(request, _):
        request.send_response(status)
        request.send_header("Location", address)
        request.send_header("Content-Length", "0")
        request.end_headers()

    return answer


def hangs_up(request, _):
    """No answer at all."""
    request.close_connection = True
