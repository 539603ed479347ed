"""Connections on which nothing is wrong, by stack and TLS version, with all that handshakes and teardowns may hold."""

import time

from lab import SERVER, SERVER6
from situations import DATA, FIN, HELLO, OK, RESET, SERVER_HELLO, situation
from stacks import CLIENTS, REQUEST, RUSTLS_PEER, SERVERS, ask, serve

for client, server, version, six in (
        ("curl", "openssl", "1.3", False), ("curl", "java", "1.3", False), ("curl", "java", "1.2", False), ("curl", "rustls", "1.2", False), ("curl", "python", "1.3", False),
        ("java", "openssl", "1.2", False), ("java", "java", "1.3", False), ("java", "rustls", "1.3", False), ("java", "nginx", "1.2", True),
        ("python", "nginx", "1.3", True), ("openssl", "python", "1.2", False), ("wget", "nginx", "1.3", False), ("wget", "java", "1.2", False), ("wget", "openssl", "1.3", False),
        ("rustls", "nginx", "1.3", True), ("rustls", "rustls", "1.3", False), ("rustls", "java", "1.2", False), ("rustls", "openssl", "1.2", False), ("rustls", "python", "1.3", False)):
    def fetched(lab, client=client, server=server, version=version, six=six and server != "rustls"):
        serve(lab, server, version)
        with lab.capture():
            ask(lab, client, version, **({"host": SERVER6} if six else {}))

    situation(f"healthy/{client}-{server}-tls{version.replace('.', '')}" + ("-ipv6" if six else ""), shows=f"a licence request over TLS {version} that is answered",
              made=f"{CLIENTS[client]} → {SERVERS[server]}, TLS {version}", expect="handshake, request and answer", verdict=OK, sees=("tcp.len>500", DATA, FIN))(fetched)


# Resumed, retried, renewed.


def resumed(name, server, version, shows, sees, *options, early=b""):
    def act(lab):
        serve(lab, server, version, *(option.format(keys=lab.keys) for option in options))
        session = lab.work / "session"
        ask(lab, "openssl", version, "-sess_out", session)
        (lab.work / "early").write_bytes(early)
        with lab.capture():
            if early:
                lab.run("c", "openssl", "s_client", "-connect", f"{SERVER}:8443", "-servername", "ssm.example", "-tls1_3", "-CAfile", f"{lab.keys}/ca.pem", "-quiet", "-sess_in", session, "-early_data", lab.work / "early", limit=2, text=b"")
                time.sleep(0.3)
            else:
                ask(lab, "openssl", version, "-sess_in", session)

    situation(name, shows=shows, made=f"s_client -sess_in of {{openssl}} → {SERVERS[server]}, TLS {version}", expect="a handshake without a certificate, request and answer", verdict=OK, sees=(SERVER_HELLO, *sees))(act)


resumed("healthy/resumed-session-id", "nginx", "1.2", "a TLS 1.2 session resumed by its id", (DATA,), "ssl_session_tickets off; ssl_session_cache shared:one:1m;")
resumed("healthy/resumed-psk", "nginx", "1.3", "a TLS 1.3 session resumed by its ticket", ("tls.handshake.extension.type==41",))
resumed("healthy/resumed-psk-java", "java", "1.3", "a TLS 1.3 session resumed by Java's ticket", ("tls.handshake.extension.type==41",))
EARLY = ("tls.handshake.extension.type==42",)
resumed("healthy/early-data", "nginx", "1.3", "a request sent as early data (0-RTT)", EARLY, "ssl_early_data on; ssl_session_cache shared:one:1m;", early=REQUEST.replace(b"close", b"keep-alive"))
resumed("healthy/early-data-closed", "nginx", "1.3", "a request sent as early data, answered and closed before the client's Finished", EARLY, "ssl_early_data on; ssl_session_cache shared:one:1m;", early=REQUEST)


@situation("healthy/early-data-rustls", shows="a request sent as early data, by and to rustls", made="{rustls} → {rustls}, TLS 1.3", expect="a ClientHello with early data, and its answer", verdict=OK, sees=("tls.handshake.extension.type==42", DATA))
def _(lab):
    serve(lab, "rustls", "1.3")
    client = lab.start("c", RUSTLS_PEER, "client", f"{SERVER}:8443", "ssm.example", f"{lab.keys}/ca.pem", "-early", ready="first")
    with lab.capture():
        client.stdin.write(b"\n")
        client.stdin.flush()
        client.wait(10)
        time.sleep(0.3)


for client, server, options in (("curl", "nginx", ("ssl_ecdh_curve secp384r1;",)), ("java", "openssl", ("-curves", "P-521")), ("rustls", "nginx", ("ssl_ecdh_curve secp384r1;",))):
    def retried(lab, client=client, server=server, options=options):
        serve(lab, server, "1.3", *options)
        with lab.capture():
            ask(lab, client, "1.3")

    situation(f"healthy/retry-{client}", shows="a server that asks for another key share (HelloRetryRequest)", made=f"{CLIENTS[client]} → {SERVERS[server]} with one group", expect="two ClientHellos, request and answer", verdict=OK, sees=(HELLO, DATA, FIN))(retried)


for name, version, key, more in (("renegotiation", "1.2", b"R\n", ("-client_renegotiation",)), ("key-update", "1.3", b"K\n", ())):
    def renewed(lab, version=version, key=key, more=more):
        lab.start("s", "openssl", "s_server", "-accept", "8443", "-rev", "-cert", f"{lab.keys}/server.pem", "-tls" + version.replace(".", "_"), *more)
        lab.listening(8443)
        with lab.capture():
            client = lab.start("c", "openssl", "s_client", "-connect", f"{SERVER}:8443", "-tls" + version.replace(".", "_"))
            for text in (b"first\n", key, b"second\n", b"Q\n"):
                time.sleep(0.5)
                client.stdin.write(text)
                client.stdin.flush()
            client.wait(5)
            time.sleep(0.3)

    situation(f"healthy/{name}", shows="a connection whose keys are renewed", made=f"s_client of {{openssl}} → s_server -rev of {{openssl}}, TLS {version}", expect="data, new keys, data, an orderly end", verdict=OK, sees=(HELLO, DATA, FIN))(renewed)


for client, server, version in (("curl", "nginx", "1.2"), ("curl", "openssl", "1.3"), ("python", "python", "1.3"), ("rustls", "rustls", "1.3"), ("rustls", "python", "1.2"), ("curl", "rustls", "1.3")):
    def with_certificate(lab, client=client, server=server, version=version):
        ask_for = {"nginx": (f"ssl_verify_client on; ssl_client_certificate {lab.keys}/ca.pem;",), "openssl": ("-Verify", "1", "-CAfile", f"{lab.keys}/ca.pem"),
                   "python": (f"clients={lab.keys}/ca.pem",), "rustls": ("-clients", f"{lab.keys}/ca.pem")}[server]
        give = {"curl": ("--cert", f"{lab.keys}/client.pem"), "python": (f"cert={lab.keys}/client.pem",), "rustls": ("-cert", f"{lab.keys}/client.pem")}[client]
        serve(lab, server, version, *ask_for)
        with lab.capture():
            ask(lab, client, version, *give)

    situation(f"healthy/client-certificate-{client}-{server}-tls{version.replace('.', '')}", shows="a client certificate that is asked for and given", made=f"{CLIENTS[client]} → {SERVERS[server]}, TLS {version}",
              expect="a client's flight with a certificate, request and answer", verdict=OK, sees=(HELLO, DATA, FIN))(with_certificate)


@situation("healthy/client-certificate-missed", shows="a server that lets a client without the wanted certificate in, to answer 400", made="{curl} → {nginx} with ssl_verify_client, TLS 1.3", expect="a healthy TLS connection: the refusal is HTTP's", verdict=OK, sees=(HELLO, DATA, FIN))
def _(lab):
    serve(lab, "nginx", "1.3", f"ssl_verify_client on; ssl_client_certificate {lab.keys}/ca.pem;")
    with lab.capture():
        ask(lab, "curl", "1.3")


# Noisy ends.

for name, server, client, version, shows, sees in (
        ("cut-by-server", ("cut",), (), "1.2", "a server that closes without close_notify after its answer", (FIN,)),
        ("cut-by-client", (), ("cut",), "1.3", "a client that closes without close_notify after the answer", (FIN,)),
        ("reset-by-client-tls12", (), ("reset",), "1.2", "a client that resets as soon as it has the answer", (RESET,)),
        ("reset-by-client-tls13", (), ("reset",), "1.3", "a client that resets as soon as it has the answer, TLS 1.3", (RESET,))):
    def noisy(lab, server=server, client=client, version=version):
        serve(lab, "python", version, *server)
        with lab.capture():
            ask(lab, "python", version, *client)

    situation(f"healthy/{name}", shows=shows, made=f"{{python}} client → {{python}} server, TLS {version}", expect="request, a complete answer, and an end that is not polite", verdict=OK, sees=(DATA, *sees))(noisy)


for version in ("1.2", "1.3"):
    def probe(lab, version=version):
        serve(lab, "nginx", version)
        with lab.capture():
            lab.run("c", "openssl", "s_client", "-connect", f"{SERVER}:8443", "-tls" + version.replace(".", "_"), text=b"")
            time.sleep(0.3)

    situation(f"healthy/probe-tls{version.replace('.', '')}", shows="a handshake without a request, as a monitoring probe makes it", made=f"s_client of {{openssl}} → {{nginx}}, TLS {version}", expect="a complete handshake, close_notify, and whatever ends it",
              verdict="healthy stage=tls-established actor=unknown cause=-", sees=(HELLO, FIN))(probe)


@situation("healthy/upload", shows="a request of several segments", made="{curl} with 3 kB to send → SSLServerSocket of {java}, TLS 1.2 over IPv6", expect="a long request, and an answer", verdict=OK, sees=(HELLO, DATA))
def _(lab):
    serve(lab, "java", "1.2")
    with lab.capture():
        ask(lab, "curl", "1.2", "-H", "Expect:", "-d", "x" * 3000, host=SERVER6)


@situation("slow/java-server", shows="a server that takes 2.5 s for its answer to Java's ClientHello", made="HttpsURLConnection of {java} → {python} TLS server that sleeps",
           expect="short round trips, and 2.5 s between ClientHello and ServerHello", verdict="slow stage=application-data actor=server cause=-", sees=(HELLO, DATA))
def _(lab):
    lab.peer("s", "tls_hesitating", 8443, f"{lab.keys}/server.pem")
    with lab.capture():
        ask(lab, "java", "1.3")


@situation("slow/client", shows="a client that takes 2.5 s to accept the server's flight", made="{python} client that sleeps → {nginx}, TLS 1.2", expect="2.5 s between ServerHelloDone and the client's key exchange",
           verdict="slow stage=application-data actor=client cause=-", sees=(HELLO, DATA))
def _(lab):
    serve(lab, "nginx", "1.2")
    with lab.capture():
        lab.client("hesitating")
