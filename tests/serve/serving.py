"""A server of the live page in a thread, a client that speaks plain HTTP, and studies to show."""

import http.client
import json
import re
import socket
import threading
from contextlib import contextmanager
from urllib.parse import quote

import uvicorn

from kohort.evidence.store import MemberKey, VariantRecord
from kohort.serve.app import LivePage

METRIC = "accuracy"
PUSHED = """
// An update of all of a thousand members, and of an epoch of all of 250 variants, to the feed that
// the page holds.
window.push = (epoch) => {
  const members = Array.from({ length: 1000 }, (_, n) =>
    [n, Math.floor(n / 4), n % 4, 1, epoch + 1, "begun"]);
  const cells = Array.from({ length: 250 }, (_, n) =>
    [n, epoch, Array(12).fill(0.5 + 0.3 * Math.sin(epoch + n))]);
  held.onmessage({ data: JSON.stringify({ all: false, members, cells }) });
};
"""
HELD = """{
  const Real = EventSource;
  window.EventSource = class extends Real {
    constructor(place) { super(place); window.held = this; }
  };
}"""


def outset(names, replicates=3, epochs=4, **changes):
    """What a study of these variants tells before it trains."""
    count = len(names)
    settings = {
        "study": "width", "replicates": "Holdout(...)", "kind": "splits", "samples": [80, 20],
        "epochs": dict.fromkeys(names, epochs), "batch_size": 8, "seed": 0, "confidence": 0.95,
        "metric": METRIC, "higher_is_better": True, "is_proportion": True, "margin": None,
        "shares": {name: [] for name in names}, "engine": "fused", "side_by_side": {},
        "started": "2026-01-01T00:00:00+00:00", "finished": "2026-01-01T00:00:00+00:00",
        "environment": {},
    }  # fmt: skip
    return {
        "settings": settings, "untrained_losses": [2.0] * count, "majority": None,
        "constant": None, "parameters": [10] * count, "restraints": [0] * count,
        "losses": ["mse"] * count, "pairs": [[0, n] for n in range(1, count)],
        "builds": ["build"] * count, "defaults": [{}] * count, "untrained_in": [{}] * count,
        "weight_bytes": [40] * count, "measured_losses": ["mse"] * count,
        "trained": [0] * count, "learned": None, "classes": None, "pixels": None,
        "overlap": {
            "test": 0, "test_exact": 0, "test_samples": 0, "valid": [0] * replicates,
            "valid_exact": [0] * replicates, "valid_samples": [20] * replicates,
            "near_sought": False,
        },
    } | changes  # fmt: skip


def logs(loss, accuracy, apart=0.0):
    """What is measured in an epoch; training does better by `apart`."""
    return {
        "val_data_loss": loss, "eval_data_loss": loss - apart, "loss": loss,
        f"val_{METRIC}": accuracy, f"eval_{METRIC}": accuracy + apart,
    }  # fmt: skip


def make_study(store, names=("narrow", "wide"), replicates=3, epochs=4, name="width", **changes):
    """A study that has not begun, and its members."""
    members = [MemberKey(variant, r) for variant in names for r in range(replicates)]
    description = {"epochs": dict.fromkeys(names, epochs), "blocks": []}
    description["outset"] = outset(names, replicates, epochs, **changes)
    kept = store.create(name, description, [VariantRecord(n) for n in names], members)
    return kept, members


def measure(kept, members, epochs, rise=0.0):
    """Let members train these epochs; a variant is the better the later it comes."""
    names = list(dict.fromkeys(key.variant for key in members))
    kept.append(
        (key, epoch, logs(1 / (epoch + 1) + rise * epoch + 0.01 * key.replicate,
                          0.5 + 0.1 * names.index(key.variant) + 0.01 * epoch
                          + 0.001 * key.replicate))
        for epoch in epochs for key in members
    )  # fmt: skip


class Server:
    """A running server, and what to ask of it."""

    def __init__(self, page, port):
        self.page, self.port = page, port
        self.url = f"http://127.0.0.1:{port}"

    def ask(self, path, method="GET", body=None, **headers):
        """The status, the headers and the body of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, {"Host": f"127.0.0.1:{self.port}"} | named)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, answer.headers, content.decode()

    def post(self, path, body=b"", **headers):
        """As a page of this server asks."""
        _, _, page = self.ask("/")
        csrf = re.search(r'name="csrf" content="([^"]+)"', page)[1]
        known = {"Origin": self.url, "X-Kohort-CSRF": csrf} | headers
        status, _, content = self.ask(path, "POST", body, **known)
        return status, content

    @contextmanager
    def feed(self, name=None, cursor=None):
        """The messages of a feed, each with its cursor, as they come."""
        path = "/feed" if name is None else f"/feed/study?name={quote(name)}"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        headers = {} if cursor is None else {"Last-Event-ID": cursor}
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        try:
            yield _messages(answer)
        finally:
            connection.close()
            answer.close()


def _messages(answer):
    cursor = None
    for raw in answer:
        line = raw.decode().rstrip("\n")
        if line.startswith("id: "):
            cursor = line.removeprefix("id: ")
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: ")), cursor


@contextmanager
def serving(store, place, *, host="127.0.0.1", token=None, interval=0.02, port=0, **config):
    """A server of a store in a thread."""
    page = LivePage(store, place, host, token, interval)
    listening = socket.create_server(("127.0.0.1", port))
    options = {"log_config": None, "lifespan": "off", "timeout_graceful_shutdown": 1} | config
    server = uvicorn.Server(uvicorn.Config(page.app, **options))
    page.is_ending = lambda: server.should_exit
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield Server(page, listening.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join()
        page.close()
        listening.close()
