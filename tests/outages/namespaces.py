"""Two network namespaces with one cable between them: the node's and the server's."""

import ctypes
import itertools
import os
import shutil
import socket
import subprocess
from contextlib import contextmanager

IP = shutil.which("ip", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") or "ip"
NEW_NET = 0x40000000
SERVER_ADDRESS, NODE_ADDRESS = "10.203.0.1", "10.203.0.2"
_numbers = itertools.count()


class NotAllowed(Exception):
    """This machine lets nobody make namespaces here; the text says why."""


class Namespaces:
    """Made when entered, gone when left. The machine's own network sees nothing of them."""

    def __init__(self):
        name = f"stateward-{os.getpid()}-{next(_numbers)}"
        self.server, self.node = f"{name}-server", f"{name}-node"

    def __enter__(self):
        try:
            for name in (self.server, self.node):
                _ip("netns", "add", name)
            _ip("-n", self.node, "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", self.server)
            for name, address in ((self.server, SERVER_ADDRESS), (self.node, NODE_ADDRESS)):
                _ip("-n", name, "addr", "add", f"{address}/30", "dev", "cable")
                for device in ("lo", "cable"):
                    _ip("-n", name, "link", "set", device, "up")
        except NotAllowed:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error):
        for name in (self.server, self.node):
            subprocess.run([IP, "netns", "del", name], capture_output=True, check=False)

    def unplug(self, end):
        """Take the cable out at one end (`server` or `node`): nothing passes, and no peer is told."""
        _ip("-n", end, "link", "set", "cable", "down")

    def plug(self, end):
        _ip("-n", end, "link", "set", "cable", "up")

    def program(self, name, *program):
        """The arguments of a program in a namespace; it keeps the number of the process that starts it."""
        return [IP, "netns", "exec", name, *program]

    def socket_in(self, name):
        """A TCP socket that lives in a namespace, for this process outside of it."""
        with _entered(name):
            return socket.socket()


@contextmanager
def _entered(name):
    """This thread is in the namespace meanwhile."""
    with open("/proc/thread-self/ns/net") as own, open(f"/run/netns/{name}") as other:
        _enter(other.fileno())
        try:
            yield
        finally:
            _enter(own.fileno())


def _enter(descriptor):
    c = ctypes.CDLL(None, use_errno=True)
    if c.setns(descriptor, NEW_NET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def _ip(*arguments):
    try:
        subprocess.run([IP, *arguments], capture_output=True, text=True, check=True, timeout=20)
    except OSError as error:
        raise NotAllowed(f"the program ip cannot be started ({error})") from error
    except subprocess.CalledProcessError as error:
        raise NotAllowed(f"ip {' '.join(arguments[:4])}: {error.stderr.strip()}") from error
