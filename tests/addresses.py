"""
Addresses that servers come back at.
"""

import random
import socket

# Below those that Linux hands out by itself (32768 and up): else somebody else may have the port of
# a server that has died before the next one is there.
_PORTS = range(20_000, 32_000)


def lasting_address() -> str:
    """
    A free address of this machine that nobody else is given meanwhile.
    """
    choose = random.SystemRandom()
    while True:
        address = ("127.0.0.1", choose.choice(_PORTS))
        try:
            socket.create_server(address).close()
        except OSError:
            continue
        return f"{address[0]}:{address[1]}"
