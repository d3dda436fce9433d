"""A Redis server, and clients that keep it busy and count every wrong answer."""

import random
import socket
import subprocess
import threading
import time

PATIENCE = 300


class Client:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.file = self.socket.makefile("rb")

    def ask(self, *words):
        words = [word.encode() for word in words]
        self.socket.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words))
        line = self.file.readline().rstrip(b"\r\n").decode()
        if line.startswith("$") and line != "$-1":
            return self.file.readline().rstrip(b"\r\n").decode()
        return line

    def close(self):
        self.file.close()
        self.socket.close()


class Load(threading.Thread):
    """Asks for what it has set, in Lua scripts too, until it is stopped."""

    def __init__(self, port, seed):
        super().__init__()
        self.client, self.random = Client(port), random.Random(seed)
        self.name = f"load {seed}"
        self.rounds = 0
        self.trouble = None
        self.ends = False

    def run(self):
        try:
            while not self.ends:
                key, value = f"{self.name} {self.random.randrange(200)}", str(self.random.randrange(10**6))
                answers = [
                    self.client.ask("SET", key, value), self.client.ask("GET", key),
                    self.client.ask("EVAL", "return redis.call('get', KEYS[1])", "1", key),
                    self.client.ask("LPUSH", self.name, value), self.client.ask("LPOP", self.name),
                    # Freed by a background thread.
                    self.client.ask("UNLINK", key),
                ]
                if answers != ["+OK", value, value, ":1", value, ":1"]:
                    raise ValueError(f"{key} = {value}: {answers}")
                self.rounds += 1
        except (OSError, ValueError) as trouble:
            self.trouble = trouble
        self.client.close()

    def end(self):
        self.ends = True
        self.join()
        return self.trouble


class Server:
    def __init__(self, program, folder):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.process = subprocess.Popen(
            [program, "--port", str(self.port), "--save", "", "--dir", folder, "--logfile", str(folder / f"{self.port}.log")])
        for _ in range(600):
            try:
                self.client = Client(self.port)
                break
            except ConnectionRefusedError:
                time.sleep(0.05)

    def answers(self):
        """What each edit changes, as it is seen from outside, and what no edit changes."""
        self.client.ask("SET", "n", "1")
        ping = self.client.ask("PING")
        return [
            self.client.ask("INCR", "n"), "counts" if ping.startswith(":1") else ping,
            "77" if self.client.ask("CLIENT", "ID") == ":77" else "its number", self.client.ask("GET", "kept")]

    def end(self):
        self.client.close()
        self.process.kill()
        self.process.wait()
