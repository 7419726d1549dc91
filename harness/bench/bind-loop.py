"""The same attempts as c/bind-loop.c makes, with Python's socket module.

    bind-loop.py ADDRESS PORT none|reuseaddr|kept COUNT

Prints: granted refused nanoseconds
"""

import errno
import socket
import sys
import time


def make_socket(option):
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if option == "reuseaddr":
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return made


def main():
    address, port, option, count = sys.argv[1:]
    where = (address, int(port))
    kept = make_socket(option) if option == "kept" else None
    granted = refused = 0
    start = time.perf_counter_ns()
    for _ in range(int(count)):
        tried = kept or make_socket(option)
        try:
            tried.bind(where)
            granted += 1
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            refused += 1
        if kept is None:
            tried.close()
    print(granted, refused, time.perf_counter_ns() - start)


main()
