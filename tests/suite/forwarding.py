"""An SMTP server that hands each message on before it takes it, with ways to misbehave.

forwarding.py LISTEN SINK PID_FILE [second] [die-after N] [swallow-later]

second: a second process in a session of its own, no child of the first, takes connections, too.
die-after N: exits after N messages. swallow-later: keeps messages after the fifth in memory.
"""

import os
import socket
import socketserver
import smtplib
import sys
import threading

ARGUMENTS = sys.argv[4:]
SWALLOWS = "swallow-later" in ARGUMENTS
LIMIT = int(ARGUMENTS[ARGUMENTS.index("die-after") + 1]) if "die-after" in ARGUMENTS else None
taken, lock = 0, threading.Lock()


def address(text):
    host, port = text.rsplit(":", 1)
    return host, int(port)


def path(line):
    return line[line.index(b"<") + 1 : line.index(b">")].decode()


def forward(sender, recipients, content):
    host, port = address(sys.argv[2])
    with smtplib.SMTP(host, port, "forwarding.test") as onward:
        onward.sendmail(sender, recipients, content)


class Session(socketserver.StreamRequestHandler):
    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def handle(self):
        self.say("220 forwarding.test")
        sender, recipients = "", []
        for line in self.rfile:
            verb = line[:4].upper()
            if verb in (b"EHLO", b"HELO"):
                self.say("250 forwarding.test")
            elif verb == b"MAIL":
                sender, recipients = path(line), []
                self.say("250 ok")
            elif verb == b"RCPT":
                recipients.append(path(line))
                self.say("250 ok")
            elif verb == b"DATA":
                self.say("354 go on")
                self.take(sender, recipients)
            elif verb == b"QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 ok")

    def take(self, sender, recipients):
        global taken
        lines = []
        for line in self.rfile:
            if line == b".\r\n":
                break
            lines.append(line[1:] if line.startswith(b".") else line)
        if not SWALLOWS or taken < 5:
            forward(sender, recipients, b"".join(lines))
        self.say("250 taken")
        with lock:
            taken += 1
            if LIMIT is not None and taken >= LIMIT:
                os._exit(7)


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    request_queue_size = 128
    allow_reuse_address = True


def second():
    """A process that nothing connects with this one but the socket."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() > 0:
            os._exit(0)
        with open(sys.argv[3] + ".second", "w") as file:
            file.write(str(os.getpid()))
        return
    os.wait()


server = Server(address(sys.argv[1]), Session)
first = os.getpid()
if "second" in ARGUMENTS:
    second()
if os.getpid() == first:
    with open(sys.argv[3] + ".new", "w") as file:
        file.write(str(first))
    os.rename(sys.argv[3] + ".new", sys.argv[3])
server.serve_forever()
