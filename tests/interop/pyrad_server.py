"""A pyrad server as a program of its own: python pyrad_server.py SECRET AUTHENTICATION ACCOUNTING COA DICTIONARY..."""

from __future__ import annotations

import sys
from typing import Any

from pyrad import dictionary, packet, server


class Server(server.Server):
    """Takes in alice, asks eve for a code, acknowledges records, and knows the session "4"."""

    def HandleAuthPacket(self, request: Any) -> None:
        reply = self.CreateReplyPacket(request)
        if request["User-Name"] == ["eve"] and "State" not in request:
            reply.code = packet.AccessChallenge
            reply["State"] = b"\x00first"
        elif "CHAP-Password" in request:
            reply.code = packet.AccessAccept if request.VerifyChapPasswd("wonderland") else packet.AccessReject
        elif request.PwDecrypt(request["User-Password"][0]) == "wonderland":
            reply.code = packet.AccessAccept
            for name in set(request.keys()) - {"User-Password", "Message-Authenticator"}:
                for value in request[name]:
                    reply.AddAttribute(name, value)
            reply.AddAttribute("Tunnel-Password:2", "secret of the tunnel")
            reply.AddAttribute("MS-MPPE-Send-Key", bytes(range(16)))
        else:
            reply.code = packet.AccessReject
        self.SendReplyPacket(request.fd, reply)

    def HandleAcctPacket(self, request: Any) -> None:
        self.SendReplyPacket(request.fd, self.CreateReplyPacket(request))

    def HandleCoaPacket(self, request: Any) -> None:
        self.answer(request, packet.CoAACK, packet.CoANAK)

    def HandleDisconnectPacket(self, request: Any) -> None:
        self.answer(request, packet.DisconnectACK, packet.DisconnectNAK)

    def answer(self, request: Any, done: int, refused: int) -> None:
        reply = self.CreateReplyPacket(request)
        reply.code = done if request["Acct-Session-Id"] == ["4"] else refused
        if reply.code == refused:
            reply["Error-Cause"] = "Session-Context-Not-Found"
        self.SendReplyPacket(request.fd, reply)


def main(secret: str, authentication: str, accounting: str, coa: str, *files: str) -> None:
    peer = server.RemoteHost("127.0.0.1", secret.encode(), "test")
    running = Server(
        addresses=["127.0.0.1"],
        authport=int(authentication),
        acctport=int(accounting),
        coaport=int(coa),
        hosts={"127.0.0.1": peer},
        dict=dictionary.Dictionary(*files),
        coa_enabled=True,
    )
    print("bound", flush=True)
    running.Run()


if __name__ == "__main__":
    main(*sys.argv[1:])
