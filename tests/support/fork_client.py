"""Stands where a command is called whose process is forked (forks.py): SOCKET -m model ARGUMENTS…"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys

connection = socket.socket(socket.AF_UNIX)
connection.connect(sys.argv[1])
environ = {**os.environ, "FORKED_FOR": str(os.getpid())}
command = {"folder": os.getcwd(), "environ": environ, "arguments": sys.argv[4:]}  # noqa: PTH109 - pathlib takes longer than all else here
text = json.dumps(command).encode()
for caught in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(caught, lambda number, _: connection.send(bytes([number])))
socket.send_fds(connection, [len(text).to_bytes(4, "big")], [0, 1, 2])
connection.sendall(text)
connection.recv(4)  # the process id of the command
status = int.from_bytes(connection.recv(2), "big", signed=True)
if status < 0:
    if status != -signal.SIGKILL:
        signal.signal(-status, signal.SIG_DFL)
    os.kill(os.getpid(), -status)
os._exit(status)
