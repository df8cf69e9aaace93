"""Holds listening sockets and starts a service with them, as systemd does for a .socket unit (sd_listen_fds(3)).

The argument is JSON: {"sockets": [{"name": …, "host": …, "port": …} or {"name": …, "path": …, "mode": …}], "command": […]}, and
optionally "names", which replaces LISTEN_FDNAMES (null leaves it out), and "backlog": 0 leaves the sockets bound only. Each line of
the input starts the command once. What happens is printed as JSON: {"holder": "started", "pid": …} and {"holder": "ended", "code": …}.
"""

import json
import os
import signal
import socket
import sys
import threading

FIRST_DESCRIPTOR = 3

settings = json.loads(sys.argv[1])


def listening(spec):
    if "path" in spec:
        held = socket.socket(socket.AF_UNIX)
        held.bind(spec["path"])
        os.chmod(spec["path"], spec["mode"])
    else:
        held = socket.socket(socket.AF_INET6 if ":" in spec["host"] else socket.AF_INET)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind((spec["host"], spec["port"]))
    if settings.get("backlog", 128) > 0:
        held.listen(settings.get("backlog", 128))
    return held


def say(**facts):
    os.write(1, (json.dumps(facts) + "\n").encode())


def start(held):
    pid = os.fork()
    if pid > 0:
        return pid
    # Out of the way of the numbers that they are to get.
    high = [os.dup2(each.fileno(), 200 + index) for index, each in enumerate(held)]
    for index, descriptor in enumerate(high):
        os.dup2(descriptor, FIRST_DESCRIPTOR + index)
    environment = dict(os.environ, LISTEN_FDS=str(len(held)), LISTEN_PID=str(os.getpid()))
    names = settings.get("names", ":".join(spec["name"] for spec in settings["sockets"]))
    if names is not None:
        environment["LISTEN_FDNAMES"] = names
    os.closerange(FIRST_DESCRIPTOR + len(held), 300)
    os.execvpe(settings["command"][0], settings["command"], environment)


def wait(pid):
    _, status = os.waitpid(pid, 0)
    say(holder="ended", code=os.waitstatus_to_exitcode(status))


signal.signal(signal.SIGINT, signal.SIG_IGN)
sockets = [listening(spec) for spec in settings["sockets"]]
say(holder="listening")
for _ in sys.stdin:
    started = start(sockets)
    say(holder="started", pid=started)
    threading.Thread(target=wait, args=(started,)).start()
