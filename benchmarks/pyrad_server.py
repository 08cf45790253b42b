"""pyrad's synchronous server doing the same work: 10,000 users, PAP or CHAP, three reply attributes; accounting."""

from __future__ import annotations

import sys
from typing import Any

from pyrad import dictionary, packet, server

USERS = {f"user{number}": f"pass{number}" for number in range(10_000)}


class Benchmark(server.Server):
    """Answers Access-Requests, with Message-Authenticator checked and sent, and Accounting-Requests."""

    def HandleAuthPacket(self, request: Any) -> None:
        request.verify_message_authenticator()
        password = USERS.get(request["User-Name"][0])
        if "CHAP-Password" in request:
            known = password is not None and request.VerifyChapPasswd(password)
        else:
            known = request.PwDecrypt(request["User-Password"][0]) == password
        reply = self.CreateReplyPacket(request)
        reply.code = packet.AccessAccept if known else packet.AccessReject
        if known:
            reply["Reply-Message"], reply["Session-Timeout"], reply["Framed-IP-Address"] = "Hello", 3600, "10.0.0.1"
        reply.add_message_authenticator()
        self.SendReplyPacket(request.fd, reply)

    def HandleAcctPacket(self, request: Any) -> None:
        self.SendReplyPacket(request.fd, self.CreateReplyPacket(request))


def main(port: int, accounting_port: int, dictionary_file: str) -> None:
    known = dictionary.Dictionary(dictionary_file)
    hosts = {"127.0.0.1": server.RemoteHost("127.0.0.1", b"testing123", "load")}
    Benchmark(["127.0.0.1"], authport=port, acctport=accounting_port, hosts=hosts, dict=known).Run()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
