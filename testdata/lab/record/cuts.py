"""Connections cut by a RST or a FIN, or left standing, at each stage, by either end and by the path."""

import time

from lab import SERVER, SERVER6
from situations import DATA, FIN, HELLO, RESET, SERVER_HELLO, situation
from stacks import CLIENTS, ask, serve

FROM_CLIENT = "ip.src==192.0.2.10"
FROM_SERVER = f"ip.src=={SERVER}"
CODES = {"reset": "reset", "close": "closed-early"}
SIGNS = {"reset": RESET, "close": FIN}
WORDS = {"reset": "resets", "close": "closes"}


# By the server.

for how in ("reset", "close"):
    def unsaid(lab, how=how):
        lab.peer("s", "accept_and", 8443, how)
        with lab.capture():
            lab.client("silent", limit=2)

    situation(f"{CODES[how]}/server-without-a-word", shows=f"a server that {WORDS[how]} right after the TCP handshake", made="{python} client → {python} listener",
              expect="a TCP handshake, and the server's end", verdict=f"{CODES[how]} stage=tcp-established actor=server cause=-", sees=(FROM_SERVER + " && " + SIGNS[how],), never=("tcp.len>0",))(unsaid)
    for stage, turns, limit, after, version, words in (
            ("server-hello", 1, 600, "then", "1.2", "in the middle of its Certificate"),
            ("server-hello", 1, 300, "then", "1.3", "in the middle of its encrypted flight"),
            ("client-finished", 1, 16384, "answer", "1.2", "instead of its Finished")):
        def relayed(lab, how=how, turns=turns, limit=limit, after=after, version=version):
            lab.openssl("-tls" + version.replace(".", "_"), port=9443)
            lab.peer("s", "relay_until", 8443, 9443, turns, limit, after, how)
            with lab.capture():
                ask(lab, "curl", version)

        situation(f"{CODES[how]}/server-{stage}-tls{version.replace('.', '')}", shows=f"a server that {WORDS[how]} {words}", made=f"{{curl}} → {{python}} relay → s_server of {{openssl}}, TLS {version}",
                  expect=f"the handshake up to {stage}, and the server's end", verdict=f"{CODES[how]} stage={stage} actor=server cause=-",
                  sees=(HELLO, SERVER_HELLO, FROM_SERVER + " && " + SIGNS[how]))(relayed)

for client, version in (("curl", "1.2"), ("java", "1.3"), ("rustls", "1.3")):
    def reset_on_request(lab, client=client, version=version):
        lab.peer("s", "tls_ending", 8443, f"{lab.keys}/server.pem", version, "reset")
        with lab.capture():
            ask(lab, client, version)

    situation(f"reset/on-request-{client}-tls{version.replace('.', '')}", shows="a server that resets instead of answering the request", made=f"{CLIENTS[client]} → {{python}} TLS {version} server",
              expect="a handshake, a request, and the server's RST", verdict="reset stage=application-data actor=server cause=-", sees=(HELLO, DATA, FROM_SERVER + " && " + RESET))(reset_on_request)

@situation("reset/in-the-answer", shows="a server that resets in the middle of its answer", made="{curl} → {python} relay → s_server of {openssl}, TLS 1.2",
           expect="a handshake, a request, 40 bytes of a longer record, and the server's RST", verdict="reset stage=application-data actor=server cause=-",
           sees=(HELLO, DATA, FROM_SERVER + " && " + RESET))
def _(lab):
    lab.openssl("-tls1_2", port=9443)
    lab.peer("s", "relay_until", 8443, 9443, 3, 40, "then", "reset")
    with lab.capture():
        ask(lab, "curl", "1.2")


for client, version in (("curl", "1.2"), ("java", "1.2")):
    def closed_on_request(lab, client=client, version=version):
        lab.peer("s", "tls_ending", 8443, f"{lab.keys}/server.pem", version, "close")
        with lab.capture():
            ask(lab, client, version)

    situation(f"no-response/closed-{client}-tls{version.replace('.', '')}", shows="a server that closes instead of answering the request", made=f"{CLIENTS[client]} → {{python}} TLS {version} server",
              expect="a handshake, a request, and the server's FIN", verdict="no-response stage=application-data actor=server cause=-", sees=(HELLO, DATA, FROM_SERVER + " && " + FIN))(closed_on_request)

# By the client.

for name, how, verdict in (("closed-early/in-the-client-hello", "close", "closed-early"), ("reset/in-the-client-hello", "reset", "reset"), ("client-silent/in-the-client-hello", "wait", "client-silent")):
    def unfinished_hello(lab, how=how):
        lab.peer("s", "hang", 8443)
        with lab.capture():
            lab.client("part_of_hello", 100, how)

    situation(name, shows="a client that says 100 bytes of its ClientHello" + (" and no more" if how == "wait" else f", and {WORDS[how]}"), made="{python} client → {python} listener",
              expect="a record that is longer than the part that came", verdict=f"{verdict} stage=tcp-established actor=client cause=-", sees=("tcp.len==100",), never=(FROM_SERVER + " && tcp.len>0",))(unfinished_hello)

for point, how, version, stage in (("tcp", "reset", "1.2", "tcp-established"), ("tcp", "close", "1.2", "tcp-established"), ("hello", "reset", "1.3", "client-hello"),
                                   ("flight", "close", "1.2", "server-flight-complete"), ("flight", "close", "1.3", "server-flight-complete"), ("flight", "reset", "1.3", "server-flight-complete")):
    def given_up(lab, point=point, how=how, version=version):
        if point in ("tcp", "hello"):
            lab.peer("s", "hang", 8443)
        else:
            serve(lab, "openssl", version)
        with lab.capture():
            lab.client("cut", version, point, how)

    situation(f"{CODES[how]}/client-{stage}" + (f"-tls{version.replace('.', '')}" if point == "flight" else ""), shows=f"a client that {WORDS[how]} at the stage {stage}", made=f"{{python}} client → {{openssl}}, TLS {version}",
              expect=f"the connection up to {stage}, and the client's end", verdict=f"{CODES[how]} stage={stage} actor=client cause=-", sees=(FROM_CLIENT + " && " + SIGNS[how],))(given_up)

for how in ("reset", "close"):
    def before_finished(lab, how=how):
        lab.openssl("-tls1_2", port=9443)
        lab.peer("s", "relay_until", 8443, 9443, 1, 16384, "answer", "hang")
        with lab.capture():
            lab.client("cut", "1.2", "finished", how)

    situation(f"{CODES[how]}/client-client-finished", shows=f"a client that {WORDS[how]} before the server's Finished", made="{python} client → {python} relay → s_server of {openssl}, TLS 1.2",
              expect="the client's Finished, and its end 0.3 s later", verdict=f"{CODES[how]} stage=client-finished actor=client cause=-", sees=(FROM_CLIENT + " && " + SIGNS[how],), never=(FROM_SERVER + " && tls.record.content_type==20",))(before_finished)

# By the path, with the router's own TTL.

for count, version, stage, six in ((1, "1.3", "server-flight-complete", True), (2, "1.2", "tls-established", False), (3, "1.2", "application-data", False)):
    def injected(lab, count=count, version=version, six=six):
        lab.wire(forge_reset=count)
        serve(lab, "nginx", version)
        with lab.capture():
            ask(lab, "curl", version, **({"host": SERVER6} if six else {}))
            time.sleep(0.5)

    situation(f"reset/injected-{count}-tls{version.replace('.', '')}" + ("-ipv6" if six else ""), shows=f"a RST forged on the path just before segment {count} of the server", made=f"{{curl}} → {{nginx}}, TLS {version}, RST by wire.py in the router",
              expect="a RST with another TTL than the SYN-ACK, and the server's segment after it", verdict=f"reset stage={stage} actor=path cause=rst-injected",
              sees=(("ipv6.hlim==64 && ipv6.src==2001:db8:2::20 && " if six else FROM_SERVER + " && ip.ttl==64 && ") + RESET,), forward=False)(injected)


# Left standing by the server.

for client, six in (("java", False), ("openssl", False), ("rustls", False), ("wget", False), ("python", True)):
    def hung(lab, client=client, six=six):
        lab.peer("s", "hang", 8443)
        with lab.capture():
            if client == "java":
                process = lab.start("c", "java", "-cp", lab.keys, "HttpsGet", f"https://{SERVER}:8443/", "TLSv1.3")
                time.sleep(6)
                lab.end(process)
            elif client == "rustls":
                ask(lab, client)
            else:
                process = lab.start("c", "timeout", "4.5", *{
                    "openssl": ("openssl", "s_client", "-connect", f"{SERVER}:8443"),
                    "wget": ("wget", "-q", "--tries=1", "--no-check-certificate", f"https://{SERVER}:8443/"),
                    "python": ("python3", "-c", f"import socket,ssl; c=ssl._create_unverified_context(); c.wrap_socket(socket.create_connection(('{SERVER6}', 8443)), server_hostname='ssm.example')")}[client])
                process.wait(12)
            time.sleep(0.3)

    situation(f"no-server-hello/{client}" + ("-ipv6" if six else ""), shows="a server that takes the ClientHello and says nothing, until the client is ended", made=f"{CLIENTS[client]} → {{python}} listener",
              expect="a ClientHello that is acknowledged, and more than 3 s of silence", verdict="no-server-hello stage=client-hello actor=server cause=-", sees=(HELLO,), never=("tcp.srcport==8443 && tcp.len>0",))(hung)

for client, version in (("curl", "1.3"), ("java", "1.3"), ("java", "1.2"), ("rustls", "1.3"), ("wget", "1.3"), ("openssl", "1.2")):
    def unanswered(lab, client=client, version=version):
        lab.peer("s", "tls_ending", 8443, f"{lab.keys}/server.pem", version, "hang")
        with lab.capture():
            if client == "java":
                process = lab.start("c", "java", "-cp", lab.keys, "HttpsGet", f"https://{SERVER}:8443/", f"TLSv{version}", f"{lab.keys}/ca.pem")
                time.sleep(6)
                lab.end(process)
            elif client == "openssl":
                process = lab.start("c", "openssl", "s_client", "-quiet", "-tls1_2", "-connect", f"{SERVER}:8443")
                time.sleep(0.5)
                process.stdin.write(b"GET / HTTP/1.1\r\nHost: ssm.example\r\n\r\n")
                process.stdin.flush()
                time.sleep(4.5)
                lab.end(process)
            else:
                ask(lab, client, version, *(("--max-time", "4.5") if client == "curl" else ()))

    situation(f"no-response/{client}-tls{version.replace('.', '')}", shows="a request over TLS that is never answered", made=f"{CLIENTS[client]} → {{python}} TLS {version} server",
              expect="a complete handshake, a request, and more than 3 s of silence", verdict="no-response stage=application-data actor=server cause=-", sees=(HELLO, DATA))(unanswered)


@situation("handshake-stalled/tls13-flight", shows="a server that stops in the middle of its encrypted flight", made="{curl} → {python} relay that passes 300 bytes → s_server of {openssl}, TLS 1.3",
           expect="a ServerHello and part of what follows, then silence", verdict="handshake-stalled stage=server-hello actor=server cause=-", sees=(HELLO, SERVER_HELLO))
def _(lab):
    lab.openssl("-tls1_3", port=9443)
    lab.peer("s", "relay_until", 8443, 9443, 1, 300, "then", "hang")
    with lab.capture():
        ask(lab, "curl", "1.3", "--max-time", "5")


for client, version in (("tls12", "1.2"), ("tls13", "1.3")):
    def client_stops(lab, version=version):
        serve(lab, "openssl", version)
        with lab.capture():
            lab.client("cut", version, "flight", "hang", limit=5)

    situation(f"handshake-stalled/client-{client}", shows="a client that says nothing to the server's flight", made=f"{{python}} client → s_server of {{openssl}}, TLS {version}",
              expect="the server's flight, acknowledged, then silence", verdict="handshake-stalled stage=server-flight-complete actor=client cause=-", sees=(HELLO, SERVER_HELLO))(client_stops)
