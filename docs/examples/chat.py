"""
A chat room for clients of any age.
"""

from contextlib import suppress

from wsfallback import MessageHandler, NotOpen


class Room:
    """
    Makes a handler for each client, and knows those that are in.
    """

    def __init__(self):
        self.members = []

    def __call__(self):
        return Member(self)

    def say(self, text):
        for member in list(self.members):
            with suppress(NotOpen):  # it is closing, and its onClose will follow
                member.sendMessage(text.encode())


class Member(MessageHandler):
    """
    One client.
    """

    def __init__(self, room):
        self.room = room

    def onConnect(self, request):
        self.name = request.params.get("name", ["somebody"])[0]

    def onOpen(self):
        self.room.members.append(self)
        self.room.say(f"{self.name} came by {self.draft.name}")

    def onMessage(self, payload, isBinary):
        if isBinary:
            self.sendClose(1003, "text only")
        else:
            self.room.say(f"{self.name}: {payload.decode()}")

    def onClose(self, wasClean, code, reason):
        # Called after a refused onConnect too, when it never was in.
        if self in self.room.members:
            self.room.members.remove(self)
            self.room.say(f"{self.name} left")


room = Room()
