"""Starts the hub, and has schemathesis test its API by what the hub says of it. Arguments go to `st run`."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
HUB = Path(os.environ.get("HUB_BIN", ROOT / "target/debug/hub")).resolve()

# One address and one caller send everything.
LIMITS = {
    "HUB__RATE__REQUESTS_PER_SECOND_PER_ADDRESS": "1000000",
    "HUB__RATE__REQUESTS_BURST_PER_ADDRESS": "1000000",
    "HUB__RATE__CONNECTS_PER_SECOND_PER_ADDRESS": "100000",
    "HUB__RATE__CONNECTS_BURST_PER_ADDRESS": "100000",
    "HUB__RATE__CHANGES_PER_SECOND_PER_CALLER": "1000000",
    "HUB__RATE__CHANGES_BURST_PER_CALLER": "1000000",
    "HUB__RATE__READS_PER_SECOND_PER_CALLER": "1000000",
    "HUB__RATE__READS_BURST_PER_CALLER": "1000000",
    "HUB__RATE__DASHBOARDS_PER_MINUTE_PER_CALLER": "1000000",
    "HUB__RATE__DASHBOARDS_BURST_PER_CALLER": "1000000",
}


class Hub:
    """A hub in a directory of its own, on a free port."""

    def __init__(self, directory):
        self.directory = directory
        self.environment = {**os.environ, **LIMITS, "HUB__TELEMETRY__FORMAT": "json", "HUB__ADMIN__LISTEN": "127.0.0.1:0"}
        self.log = open(directory / "hub.log", "wb+")
        command = [HUB, "--listen", "127.0.0.1:0"]
        self.process = subprocess.Popen(command, cwd=directory, env=self.environment, stdout=self.log, stderr=self.log)
        self.url = self.address()

    def address(self):
        """Where it serves, as its log says."""
        while self.process.poll() is None:
            for line in (self.directory / "hub.log").read_text().splitlines():
                if line.startswith("{") and json.loads(line).get("message") == "the hub serves":
                    return json.loads(line)["url"]
        sys.exit("the hub did not start:\n" + (self.directory / "hub.log").read_text())

    def printed(self, *arguments):
        """What one of its commands prints."""
        run = subprocess.run([HUB, *arguments], cwd=self.directory, env=self.environment, check=True, stdout=subprocess.PIPE)
        return run.stdout.decode().strip()

    def change(self, token, key, path, body):
        """Makes a change, which must be done."""
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json", "idempotency-key": key}
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def status(self, token, path):
        """The status with which it answers a request to read."""
        request = urllib.request.Request(self.url + path, headers={"authorization": f"Bearer {token}"})
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code


def seed(hub, token):
    """The player of the examples has money, so that what the document shows as examples is carried out."""
    player = {"playerId": "PLAYER_123", "currency": "USD"}
    hub.change(token, "seed-1", "/api/domains/balance", {**player, "type": "credit", "amount": "1000000.00"})
    hub.change(token, "seed-2", "/api/domains/balance/holds", {**player, "amount": "10.00"})
    payment = {"merchantId": "MERCHANT_123", "paymentMethod": "manual", "amount": "5.00"}
    hub.change(token, "seed-3", "/api/domains/collections", {**player, **payment})
    # The first search has the names read.
    while hub.status(token, "/api/domains/balance/players?contains=PLAYER_1") == 503:
        time.sleep(0.05)
    # The key of the example.
    hub.change(token, "first-credit", "/api/domains/balance", {**player, "type": "credit", "amount": "1.00"})


def main():
    directory = Path(tempfile.mkdtemp(prefix="hub-api-"))
    hub = Hub(directory)
    try:
        token = hub.printed("token", "--operator", "fuzz", "--can", "*")
        seed(hub, token)
        command = [Path(sys.executable).parent / "st", "--config-file", HERE / "schemathesis.toml", "run"]
        command += [f"{hub.url}/api/openapi.json", "--header", f"Authorization: Bearer {token}", *sys.argv[1:]]
        # Nothing is left in the project: what it notes about its run goes with the directory of the hub.
        quiet = {**os.environ, "PYTHONPATH": str(HERE), "PYTHONDONTWRITEBYTECODE": "1"}
        result = subprocess.run(command, cwd=directory, env=quiet).returncode
        if hub.process.poll() is not None:
            sys.exit("the hub has ended:\n" + (directory / "hub.log").read_text()[-4000:])
    finally:
        hub.process.terminate()
        hub.process.wait(60)
    hub.printed("verify")
    shutil.rmtree(directory)
    sys.exit(result)


if __name__ == "__main__":
    main()
