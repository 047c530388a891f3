#!/usr/bin/env python3
"""A store-and-forward SMTP server of known behaviour, with its own clock and log.

    server.py --listen PORT --relay-to PORT --log FILE --queue FILE [behaviour]

Loopback only. The log has a line for each recipient: its number, when the 250 to the final dot was
written, when its delivery began and when it was answered; seconds of the monotonic clock.
"""

import argparse
import asyncio
import random
import re
import time


def arguments():
    words = argparse.ArgumentParser()
    words.add_argument("--listen", type=int, required=True)
    words.add_argument("--relay-to", type=int, required=True)
    words.add_argument("--log", required=True)
    words.add_argument("--queue", required=True)
    words.add_argument("--workers", type=int, default=20)
    words.add_argument("--service", default="0", help="seconds a delivery holds its worker; exp:0.02")
    words.add_argument("--rate", type=float, help="deliveries a second, evenly spaced")
    words.add_argument("--halve-at", type=float, help="from then on half of --rate")
    words.add_argument("--stall-at", type=float, help="seconds after the first message")
    words.add_argument("--stall-for", type=float, default=1.4)
    words.add_argument("--hang-every", type=int, help="of so many messages one gets no reply")
    words.add_argument("--lose-every", type=int, help="of so many messages one is not delivered")
    words.add_argument("--reply-after", type=float, default=0.0, help="seconds from dot to 250")
    return words.parse_args()


class Server:
    def __init__(self, options):
        self.options, self.queue, self.held = options, asyncio.Queue(), 0
        self.log = open(options.log, "w", buffering=1)
        self.random, self.first, self.next = random.Random(7), None, 0.0
        self.note_queue()

    def note_queue(self):
        with open(self.options.queue, "w") as file:
            file.write(str(self.held))

    def service(self):
        law = self.options.service
        if law.startswith("exp:"):
            return self.random.expovariate(1 / float(law[4:]))
        return float(law)

    def began(self):
        """The first message of the load starts the clock of the stall and the halving."""
        if self.first is not None:
            return
        self.first = time.monotonic()
        if self.options.stall_at is not None:
            loop, length = asyncio.get_running_loop(), self.options.stall_for
            # Everything stands still: one thread serves all.
            loop.call_later(self.options.stall_at, time.sleep, length)

    async def session(self, reader, writer):
        def say(text):
            writer.write(text.encode() + b"\r\n")

        say("220 known.test ESMTP")
        sender, recipients = "", []
        try:
            while line := await reader.readline():
                word = line.decode("latin-1").strip()
                verb = word[:4].upper()
                if verb == "EHLO":
                    say("250-known.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 10000000")
                elif verb == "MAIL":
                    sender, recipients = re.search(r"<(.*?)>", word)[1], []
                    say("250 2.1.0 ok")
                elif verb == "RCPT":
                    recipients.append(re.search(r"<(.*?)>", word)[1])
                    say("250 2.1.5 ok")
                elif verb == "DATA":
                    say("354 go on")
                    await writer.drain()
                    if not await self.message(reader, say, sender, recipients):
                        await asyncio.sleep(3600)
                elif verb == "QUIT":
                    say("221 2.0.0 bye")
                    break
                else:
                    say("250 2.0.0 ok")
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        writer.close()

    async def message(self, reader, say, sender, recipients):
        """Takes the content; whether it was answered."""
        lines = []
        while (line := await reader.readline()) not in (b".\r\n", b""):
            lines.append(line)
        number = re.match(r"mb\+(\d+)", recipients[0])
        number = int(number[1]) if number else None
        ours = number is not None and number < 2**48
        if ours:
            self.began()
            if self.hits(number, self.options.hang_every):
                return False
            if self.options.reply_after:
                await asyncio.sleep(self.options.reply_after)
        accepted = time.monotonic()
        say("250 2.0.0 kept")
        if ours and self.hits(number, self.options.lose_every):
            self.log.write(f"{number},{accepted:.6f},,\n")
            return True
        self.held += 1
        self.note_queue()
        self.queue.put_nowait((number if ours else None, accepted, sender, recipients, lines))
        return True

    @staticmethod
    def hits(number, every):
        return every is not None and number % every == 7

    async def worker(self):
        connection = None
        while True:
            job = await self.queue.get()
            await self.turn()
            start = time.monotonic()
            connection = await self.deliver(connection, job, start)
            self.held -= 1
            self.note_queue()
            left = start + self.service() - time.monotonic()
            if left > 0:
                await asyncio.sleep(left)

    async def turn(self):
        """Waits for the next token."""
        rate = self.options.rate
        if rate is None or self.first is None:
            return
        now = time.monotonic()
        halved = self.options.halve_at
        if halved is not None and now >= self.first + halved:
            rate /= 2
        at = max(now, self.next)
        self.next = at + 1 / rate
        await asyncio.sleep(at - now)

    async def deliver(self, connection, job, start):
        number, accepted, sender, recipients, lines = job
        if connection is None:
            connection = await asyncio.open_connection("127.0.0.1", self.options.relay_to)
            await connection[0].readline()
            await self.ask(connection, "EHLO known.test")
        await self.ask(connection, f"MAIL FROM:<{sender}>")
        for recipient in recipients:
            await self.ask(connection, f"RCPT TO:<{recipient}>")
        await self.ask(connection, "DATA")
        reply = await self.ask(connection, b"".join(lines) + b".")
        assert reply.startswith("2"), reply
        if number is not None:
            self.log.write(f"{number},{accepted:.6f},{start:.6f},{time.monotonic():.6f}\n")
        return connection

    async def ask(self, connection, words):
        reader, writer = connection
        writer.write((words if isinstance(words, bytes) else words.encode()) + b"\r\n")
        while True:
            line = (await reader.readline()).decode()
            if line[3:4] != "-":
                return line


async def main():
    options = arguments()
    server = Server(options)
    listener = await asyncio.start_server(server.session, "127.0.0.1", options.listen, limit=2**20)
    workers = [asyncio.create_task(server.worker()) for _ in range(options.workers)]
    async with listener:
        print("ready", flush=True)
        await asyncio.gather(listener.serve_forever(), *workers)


if __name__ == "__main__":
    asyncio.run(main())
