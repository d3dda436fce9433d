"""The executable under test, and one journal of it."""

import json
import subprocess


class Journal:
    def __init__(self, tool, path, checks):
        self.tool, self.path, self.checks = tool, path, checks

    def run(self, command, *words):
        return subprocess.run([str(word) for word in (self.tool, command, "-j", self.path, *words)],
                              capture_output=True, text=True, errors="replace")

    def must(self, what, command, *words):
        output = self.run(command, *words)
        detail = f"{command} {' '.join(map(str, words))}: status {output.returncode}\n  {output.stdout}{output.stderr}"
        self.checks.check(output.returncode == 0, f"{what}: {command}", detail)
        return output.stdout

    def json(self, what, command, *words):
        text = self.must(what, command, *words, "--json")
        try:
            return json.loads(text)
        except ValueError:
            self.checks.check(False, f"{what}: {command} --json", text)
            return {}
