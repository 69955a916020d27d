"""An OpenEnv client of the Python standard library: what a trainer in Python does to a served world, and nothing of ours.

usage: openenv_client.py BASE_URL [EPISODES [GROUP]]

It speaks as OpenEnv's GenericEnvClient does: one WebSocket at BASE_URL/ws per session, masked text frames, one answer per
request, an answer of type "error" is a RuntimeError. GROUP sessions play at once, as a group of GRPO would.
It prints one line of JSON.
"""

import base64
import hashlib
import json
import os
import random
import socket
import struct
import sys
import threading
import urllib.parse
import urllib.request

MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class WebSocket:
    """The client's half of RFC 6455: text, fragments, ping, close."""

    def __init__(self, url, timeout=60.0):
        parts = urllib.parse.urlsplit(url)
        self.socket = socket.create_connection((parts.hostname, parts.port), timeout)
        self.buffer = b""
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            f"GET {parts.path} HTTP/1.1",
            f"Host: {parts.hostname}:{parts.port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13",
        ]
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        while b"\r\n\r\n" not in self.buffer:
            self._read()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        accept = base64.b64encode(hashlib.sha1((key + MAGIC).encode()).digest())
        if b" 101 " not in head.split(b"\r\n")[0] or accept not in head:
            raise ConnectionError(head.decode("latin-1"))

    def _read(self):
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("the server hung up")
        self.buffer += data

    def _take(self, count):
        while len(self.buffer) < count:
            self._read()
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def _frame(self, opcode, payload):
        length = len(payload)
        if length < 126:
            head = struct.pack("!BB", 0x80 | opcode, 0x80 | length)
        elif length < 1 << 16:
            head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, length)
        else:
            head = struct.pack("!BBQ", 0x80 | opcode, 0x80 | 127, length)
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[i & 3] for i, byte in enumerate(payload))
        self.socket.sendall(head + mask + masked)

    def send(self, text):
        self._frame(0x1, text.encode())

    def recv(self):
        """The next message, or the close code as an integer."""
        parts = b""
        while True:
            first, second = self._take(2)
            length = second & 0x7F
            if length == 126:
                (length,) = struct.unpack("!H", self._take(2))
            elif length == 127:
                (length,) = struct.unpack("!Q", self._take(8))
            if second & 0x80:
                raise ConnectionError("a server must not mask")
            payload = self._take(length)
            opcode = first & 0x0F
            if opcode == 0x8:
                return struct.unpack("!H", payload[:2])[0] if payload else 1005
            if opcode == 0x9:
                self._frame(0xA, payload)
            elif opcode in (0x0, 0x1):
                parts += payload
                if first & 0x80:
                    return parts.decode("utf-8", "strict")

    def close(self):
        self._frame(0x8, struct.pack("!H", 1000))
        self.socket.close()


class Client:
    """reset, step, state and close, dict in and dict out."""

    def __init__(self, base_url):
        self.socket = WebSocket(base_url.replace("http", "ws", 1) + "/ws")

    def ask(self, message):
        self.socket.send(json.dumps(message))
        answer = json.loads(self.socket.recv())
        if answer["type"] == "error":
            data = answer["data"]
            raise RuntimeError(f"Server error: {data['message']} (code: {data['code']})")
        return answer["data"]

    def reset(self, **kwargs):
        return self.ask({"type": "reset", "data": kwargs})

    def step(self, action):
        return self.ask({"type": "step", "data": action})

    def state(self):
        return self.ask({"type": "state"})

    def close(self):
        self.socket.send(json.dumps({"type": "close"}))
        code = self.socket.recv()
        self.socket.close()
        return code


def play(base_url, seed, episodes, result):
    client, rng = Client(base_url), random.Random(seed)
    for number in range(episodes):
        # All members of a group play the same task.
        shown = client.reset(seed=number, episode_id=f"{seed}-{number}", unknown="ignored")
        assert shown["reward"] is None and shown["done"] is False, shown
        assert not {"reward", "done", "metadata"} & shown["observation"].keys(), shown
        result["tasks"].append(client.state()["task_id"])
        while not shown["done"]:
            text = rng.choice(shown["observation"]["admissible_commands"])
            shown = client.step({"text": text, "metadata": {}})
            result["steps"] += 1
            result["reward"] += shown["reward"]
        state = client.state()
        assert state["episode_id"] == f"{seed}-{number}" and state["done"], state
        try:
            client.step({"text": "look"})
        except RuntimeError as error:
            assert "EXECUTION_ERROR" in str(error), error
            result["refused"] += 1
        result["episodes"] += 1
    result["closed"] = client.close()


def main(base_url, episodes="2", group="4"):
    with urllib.request.urlopen(base_url + "/health") as answer:
        assert json.load(answer) == {"status": "healthy"}
    empty = {"episodes": 0, "steps": 0, "reward": 0, "refused": 0, "closed": None}
    results = [{**empty, "tasks": []} for _ in range(int(group))]
    threads = [
        threading.Thread(target=play, args=(base_url, seed, int(episodes), result))
        for seed, result in enumerate(results)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps(results))


if __name__ == "__main__":
    main(*sys.argv[1:])
