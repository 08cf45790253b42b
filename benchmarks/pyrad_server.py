"""pyrad's synchronous server doing the same work: 10,000 users, PAP, three reply attributes."""

from __future__ import annotations

import sys
from typing import Any

from pyrad import dictionary, packet, server

USERS = {f"user{number}": f"pass{number}" for number in range(10_000)}


class Benchmark(server.Server):
    """Answers Access-Requests, with Message-Authenticator checked and sent."""

    def HandleAuthPacket(self, request: Any) -> None:
        request.verify_message_authenticator()
        name = request["User-Name"][0]
        known = request.PwDecrypt(request["User-Password"][0]) == USERS.get(name)
        reply = self.CreateReplyPacket(request)
        reply.code = packet.AccessAccept if known else packet.AccessReject
        if known:
            reply["Reply-Message"], reply["Session-Timeout"], reply["Framed-IP-Address"] = "Hello", 3600, "10.0.0.1"
        reply.add_message_authenticator()
        self.SendReplyPacket(request.fd, reply)


def main(port: int, dictionary_file: str) -> None:
    known = dictionary.Dictionary(dictionary_file)
    hosts = {"127.0.0.1": server.RemoteHost("127.0.0.1", b"testing123", "load")}
    benchmark = Benchmark(addresses=["127.0.0.1"], authport=port, hosts=hosts, dict=known, acct_enabled=False)
    benchmark.Run()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
