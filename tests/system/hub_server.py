# SPDX-License-Identifier: MIT
"""A stand-in for the hub's dataset viewer: /splits and /rows over rows made here, and faults by order.

A fault is a function of (hub, path, query, headers) that returns None (not this one), "cut" (the connection breaks) or
(status, headers, body); the first that answers wins.  `calls` is what was asked, in order.
"""
import collections
import http.server
import json
import threading
import urllib.parse

Call = collections.namedtuple("Call", "path query auth host")


def row(n, revision="r1"):
    return {"instance_id": "own__lib-%d" % n, "repo": "own/lib", "base_commit": "%040x" % n,
            "problem_statement": "Trouble %d of %s: {braces}, \u00e9, \u2028 and \"quotes\"\n" % (n, revision),
            "FAIL_TO_PASS": "[\"t\"]", "big": 12345678901234567890, "small": 1.10, "nothing": None}


class Hub:
    def __init__(self, rows=250, revision="aaaa1111", splits=(("default", "dev"), ("default", "test")), total=None):
        self.rows, self.revision, self.splits, self.total = rows, revision, list(splits), total
        self.partial, self.token, self.tell_revision, self.tell_on_splits = False, None, True, True
        self.faults, self.calls = [], []
        self.lock = threading.Lock()
        hub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                at = urllib.parse.urlsplit(self.path)
                query = dict(urllib.parse.parse_qsl(at.query, keep_blank_values=True))
                with hub.lock:
                    hub.calls.append(Call(at.path, query, self.headers.get("Authorization"), self.headers.get("Host")))
                    reply = hub.answer(at.path, query, self.headers)
                if reply is None:               # the connection breaks
                    self.close_connection = True
                    self.connection.close()
                    return
                status, headers, body = reply
                body = body if isinstance(body, bytes) else json.dumps(body, indent=1).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                try:
                    self.wfile.write(body)
                except OSError:
                    pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None      # a client that was killed
        self.url = "http://127.0.0.1:%d" % self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def pages(self):
        with self.lock:
            return [(int(c.query["offset"]), int(c.query["length"])) for c in self.calls if c.path == "/rows"]

    def head(self, path):
        tell = self.tell_revision and (path == "/rows" or self.tell_on_splits)
        return {"X-Revision": self.revision} if tell else {}

    def answer(self, path, query, headers):
        for fault in self.faults:
            reply = fault(self, path, query, headers)
            if reply == "cut":
                return None
            if reply is not None:
                return reply
        if self.token is not None and headers.get("Authorization") != "Bearer " + self.token:
            return error(401, "ExternalUnauthenticatedError", "The dataset does not exist, or is not accessible without "
                         "authentication (private or gated). You sent %s" % headers.get("Authorization"))
        if query.get("dataset") != "owner/some-set_1.0":
            return error(404, "DatasetNotFoundError", "The dataset does not exist")
        if path == "/splits":
            splits = [{"dataset": query["dataset"], "config": c, "split": s} for c, s in self.splits]
            return 200, self.head(path), {"splits": splits, "pending": [], "failed": []}
        if path != "/rows":
            return error(404, "ResponseNotFound", "no such path")
        offset, length = int(query["offset"]), int(query["length"])
        if length > 100 or offset < 0:
            return error(422, "InvalidParameter", "length must not be greater than 100")
        return 200, self.head(path), self.page(offset, length)

    def page(self, offset, length):
        total = self.rows if self.total is None else self.total
        rows = [{"row_idx": n, "row": row(n, self.revision), "truncated_cells": []}
                for n in range(offset, min(offset + length, self.rows))]
        return {"features": [{"feature_idx": 0, "name": "row", "type": {"rows": []}}], "rows": rows, "num_rows_total": total,
                "num_rows_per_page": 100, "partial": self.partial}


def error(status, code, text, **headers):
    return status, {"X-Error-Code": code, **headers}, {"error": text}


def once(match, reply):
    """A fault for the first call that matches."""
    left = [1]

    def fault(hub, path, query, headers):
        if left[0] and match(path, query):
            left[0] -= 1
            return reply(hub) if callable(reply) else reply
        return None
    return fault


def at(offset):
    return lambda path, query: path == "/rows" and int(query["offset"]) == offset
