"""An object store in a process of its own: a folder of memory that lets in only what is signed. Prints its port.

It checks signatures by the published rules, written without a look at the gateway's own signing.
"""

import hashlib
import hmac
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY, SECRET, REGION = sys.argv[1:4]
KEPT: dict[str, bytes] = {}


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def mac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


class Bucket(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def lets_in(self, body: bytes) -> bool:
        scheme, _, rest = self.headers.get("Authorization", "").partition(" ")
        if scheme != "AWS4-HMAC-SHA256":
            return False
        fields = dict(part.strip().split("=", 1) for part in rest.split(","))
        key, day, region, service, last = fields["Credential"].split("/")
        stamp = self.headers["X-Amz-Date"]
        if (key, region, service, last) != (KEY, REGION, "s3", "aws4_request") or not stamp.startswith(day):
            return False
        if self.headers["X-Amz-Content-Sha256"] != sha(body):
            return False
        names = fields["SignedHeaders"].split(";")
        if not {"host", "x-amz-date", "x-amz-content-sha256"} <= set(names):
            return False
        path, _, query = self.path.partition("?")
        canonical = [self.command, path, query]
        canonical += [f"{name}:{self.headers[name].strip()}" for name in names]
        canonical += ["", fields["SignedHeaders"], self.headers["X-Amz-Content-Sha256"]]
        text = "\n".join(
            ["AWS4-HMAC-SHA256", stamp, f"{day}/{region}/s3/aws4_request", sha("\n".join(canonical).encode())]
        )
        signing = mac(mac(mac(mac(b"AWS4" + SECRET.encode(), day), region), "s3"), "aws4_request")
        return hmac.compare_digest(mac(signing, text).hex(), fields["Signature"])

    def answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def handle_one(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if not self.lets_in(body):
            self.answer(403)
        elif self.command == "PUT":
            KEPT[self.path] = body
            self.answer(200)
        elif self.command == "DELETE":
            KEPT.pop(self.path, None)
            self.answer(204)
        elif self.path in KEPT:
            self.answer(200, KEPT[self.path])
        else:
            self.answer(404)

    do_GET = do_PUT = do_DELETE = handle_one  # noqa: N815 - the server's own names


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Bucket)
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()
