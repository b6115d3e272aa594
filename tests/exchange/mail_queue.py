"""The queue of an Exchange server as a client: when a message is tried, and when it is given up.

Time is that of the client's clock; with a HandClock a test winds two days in no time.
"""

from dataclasses import dataclass, field

from .client import Letter, Outcome


@dataclass
class Queued:
    letter: Letter
    since: float
    due: float
    tries: int = 0
    delayed: bool = False  # the sender was told that it is late
    words: str = ""  # what the queue viewer shows
    outcome: Outcome = field(default_factory=Outcome)


class Queue:
    def __init__(self, client):
        self.client = client
        self.table = client.personality.retry
        self.waiting, self.done = [], []
        self.notices = []  # ("delay" or "NDR", letter, text)

    def submit(self, letter):
        now = self.client.clock.now()
        self.waiting.append(Queued(letter, now, now))
        self.run()

    def run(self):
        """Try what is due."""
        now = self.client.clock.now()
        for item in [q for q in self.waiting if q.due <= now]:
            self.attempt(item, now)

    def next_due(self):
        return min((q.due for q in self.waiting), default=None)

    def attempt(self, item, now):
        letter = item.letter
        outcome = self.client.send(letter)
        item.tries += 1
        item.outcome.sent.update(outcome.sent)
        for address, words in outcome.returned.items():
            self.notices.append(("NDR", letter, f"{address} #{words}"))
        letter.recipients = list(outcome.retry)
        if not letter.recipients:
            self.waiting.remove(item)
            self.done.append(item)
            return
        item.words = next(iter(outcome.retry.values()))
        age = now - item.since
        if age >= self.table["expire_hours"] * 3600:
            self.notices.append(("NDR", letter, f"#4.4.7 {item.words}"))
            self.waiting.remove(item)
            return
        if age >= self.table["delay_notice_hours"] * 3600 and not item.delayed:
            item.delayed = True
            self.notices.append(("delay", letter, item.words))
        minutes = self.table["minutes"]
        item.due = now + 60 * minutes[min(item.tries, len(minutes)) - 1]
