"""Handshakes that one side refuses with an alert, by stack and TLS version."""

from lab import SERVER6
from situations import HELLO, situation
from stacks import CLIENTS, SERVERS, ask, serve

FROM_CLIENT = "ip.src==192.0.2.10"
FROM_SERVER = "ip.src==198.51.100.20"
AFTER_FLIGHT = "tls-alert stage=server-flight-complete actor=client cause="


def in_clear(number):
    return f"tls.alert_message.desc=={number}"


def of_length(source, length):
    return f"{source} && (tls.record.opaque_type==23 || tls.record.content_type==23) && tls.record.length=={length}"


# The client does not trust the server's issuer. In TLS 1.3 OpenSSL says so in clear, JSSE and rustls encrypt it, and JSSE pads it.

UNTRUSTED = (
    # client, server, version, alert, cause
    ("openssl", "nginx", "1.2", in_clear(48), "unknown_ca"),
    ("openssl", "python", "1.3", in_clear(48), "unknown_ca"),
    ("python", "java", "1.2", in_clear(48), "unknown_ca"),
    ("python", "nginx", "1.3", in_clear(48), "unknown_ca"),
    ("curl", "java", "1.2", in_clear(48), "unknown_ca"),
    ("curl", "rustls", "1.3", in_clear(48), "unknown_ca"),
    ("java", "nginx", "1.2", in_clear(46), "certificate_unknown"),
    ("java", "nginx", "1.3", of_length(FROM_CLIENT, 35), "certificate-rejected"),
    ("java", "java", "1.3", of_length(FROM_CLIENT, 35), "certificate-rejected"),
    ("rustls", "nginx", "1.2", in_clear(48), "unknown_ca"),
    ("rustls", "nginx", "1.3", of_length(FROM_CLIENT, 19), "certificate-rejected"),
    ("rustls", "java", "1.3", of_length(FROM_CLIENT, 19), "certificate-rejected"),
    ("rustls", "rustls", "1.3", of_length(FROM_CLIENT, 19), "certificate-rejected"),
)


def untrusted(client, server, version, six):
    def act(lab):
        serve(lab, server, version)
        with lab.capture():
            ask(lab, client, version, trusts=False, **({"host": SERVER6} if six else {}))

    return act


for client, server, version, alert, cause in (*UNTRUSTED, ("curl", "nginx", "1.3", in_clear(48), "unknown_ca"),
                                               ("java", "openssl", "1.3", HELLO, "certificate-rejected")):
    six = (client, server) in (("curl", "nginx"), ("java", "openssl"))
    situation(f"tls-alert/untrusted-{client}-{server}-tls{version.replace('.', '')}" + ("-ipv6" if six else ""),
              shows=f"a client that does not trust the server's issuer, TLS {version}" + (", over IPv6" if six else ""),
              made=f"{CLIENTS[client]} → {SERVERS[server]}, TLS {version}, CA not trusted",
              expect="the server's flight, and the client's alert, " + (f"{cause} in clear" if "_" in cause else "encrypted"),
              # JSSE sends TLS 1.2's flight message by message, and the Certificate alone is enough to refuse.
              verdict=(AFTER_FLIGHT if (server, version) != ("java", "1.2") else AFTER_FLIGHT.replace("server-flight-complete", "server-hello")) + cause,
              sees=(alert,))(untrusted(client, server, version, six))


# The server refuses the ClientHello.

AT_HELLO = "tls-alert stage=client-hello actor=server cause="
NO_SUITE = {"nginx": ("ssl_ciphers ECDHE-RSA-AES256-GCM-SHA384;",), "java": ("suite=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",),
            "python": ("ciphers=ECDHE-RSA-AES256-GCM-SHA384",), "rustls": ()}
OTHER_SUITE = ("--ciphers", "ECDHE-RSA-AES128-GCM-SHA256")

for server in NO_SUITE:
    def no_suite(lab, server=server):
        serve(lab, server, "1.2", *NO_SUITE[server])
        with lab.capture():
            ask(lab, "curl", "1.2", *(("--ciphers", "ECDHE-RSA-AES256-SHA") if server == "rustls" else OTHER_SUITE))

    situation(f"tls-alert/no-common-suite-{server}", shows="client and server without a common cipher suite", made=f"{{curl}} → {SERVERS[server]}, TLS 1.2, other suites",
              expect="the server's alert handshake_failure right after the ClientHello", verdict=AT_HELLO + "handshake_failure", sees=(in_clear(40),))(no_suite)

for client, server, old in (("curl", "nginx", True), ("java", "python", True), ("curl", "java", True), ("rustls", "openssl", True), ("curl", "rustls", True),
                            ("openssl", "nginx", False), ("curl", "openssl", False), ("python", "java", False), ("rustls", "python", False), ("curl", "rustls", False)):
    def no_version(lab, client=client, server=server, old=old):
        serve(lab, server, "1.3" if old else "1.2")
        with lab.capture():
            ask(lab, client, "1.2" if old else "1.3")

    here, there = ("1.2", "1.3") if old else ("1.3", "1.2")
    situation(f"tls-alert/only-tls{here.replace('.', '')}-{client}-{server}", shows=f"a client with TLS {here} only at a server with TLS {there} only",
              made=f"{CLIENTS[client]} → {SERVERS[server]}", expect="the server's alert protocol_version right after the ClientHello",
              verdict=AT_HELLO + "protocol_version", sees=(in_clear(70),))(no_version)

for server, options in (("openssl", ("-servername", "other.example", "-servername_fatal", "-cert2", "{keys}/server.pem", "-key2", "{keys}/server.pem")),
                        ("java", ("name=other\\.example",))):
    for version in ("1.2", "1.3"):
        def unknown_name(lab, server=server, options=options, version=version):
            serve(lab, server, version, *(option.format(keys=lab.keys) for option in options))
            with lab.capture():
                ask(lab, "curl", version)

        situation(f"tls-alert/unrecognized-name-{server}-tls{version.replace('.', '')}", shows="a server that does not know the name asked for", made=f"{{curl}} → {SERVERS[server]}, TLS {version}, another name",
                  expect="the server's alert unrecognized_name right after the ClientHello", verdict=AT_HELLO + "unrecognized_name", sees=(in_clear(112),))(unknown_name)


@situation("tls-alert/unrecognized-name-nginx", shows="a server that rejects every handshake for an unknown name", made="{java} → {nginx} with ssl_reject_handshake",
           expect="the server's alert unrecognized_name right after the ClientHello", verdict=AT_HELLO + "unrecognized_name", sees=(in_clear(112),))
def _(lab):
    serve(lab, "nginx", "1.2", "ssl_reject_handshake on;")
    with lab.capture():
        ask(lab, "java", "1.2")


for client, server, version, offer, has in (
        ("python", "openssl", "1.2", ("alpn=http/1.1",), ("-alpn", "h2")),
        ("openssl", "openssl", "1.3", ("-alpn", "http/1.1"), ("-alpn", "h2")),
        ("openssl", "nginx", "1.3", ("-alpn", "smtp"), ()),
        ("python", "java", "1.2", ("alpn=http/1.1",), ("alpn=h2",)),
        ("rustls", "java", "1.3", ("-alpn", "http/1.1"), ("alpn=h2",)),
        ("openssl", "rustls", "1.2", ("-alpn", "http/1.1"), ("-alpn", "h2")),
        ("rustls", "rustls", "1.2", ("-alpn", "http/1.1"), ("-alpn", "h2"))):
    def no_protocol(lab, client=client, server=server, version=version, offer=offer, has=has):
        serve(lab, server, version, *has)
        with lab.capture():
            ask(lab, client, version, *offer)

    situation(f"tls-alert/no-common-alpn-{client}-{server}-tls{version.replace('.', '')}", shows="client and server without a common application protocol",
              made=f"{CLIENTS[client]} → {SERVERS[server]}, TLS {version}, other ALPN", expect="the server's alert no_application_protocol right after the ClientHello",
              verdict=AT_HELLO + "no_application_protocol", sees=(in_clear(120),))(no_protocol)


@situation("tls-alert/no-common-alpn-rustls-rustls-tls13", shows="a server that refuses only after its ServerHello, and so under encryption", made="{rustls} → {rustls}, TLS 1.3, other ALPN",
           expect="a ServerHello and an encrypted record of 19 bytes, which no other message is small enough for", verdict="tls-alert stage=server-hello actor=server cause=encrypted-alert", sees=(of_length(FROM_SERVER, 19),))
def _(lab):
    serve(lab, "rustls", "1.3", "-alpn", "h2")
    with lab.capture():
        ask(lab, "rustls", "1.3", "-alpn", "http/1.1")


# The server wants a client certificate, and gets none or a stranger's. TLS 1.3 lets the client believe that all is well.

CLIENTS_ONLY = {"openssl": ("-Verify", "1", "-verify_return_error", "-CAfile", "{keys}/ca.pem"), "python": ("clients={keys}/ca.pem",), "java": ("clients",),
                "rustls": ("-clients", "{keys}/ca.pem")}

for client, server, version, has, alert, stage, cause in (
        ("curl", "openssl", "1.2", None, in_clear(40), "client-finished", "handshake_failure"),
        ("java", "python", "1.2", None, in_clear(40), "server-flight-complete", "handshake_failure"),
        ("curl", "java", "1.2", None, in_clear(42), "client-finished", "bad_certificate"),
        ("python", "rustls", "1.2", None, in_clear(116), "client-finished", "certificate_required"),
        ("curl", "openssl", "1.3", None, of_length(FROM_SERVER, 19), "application-data", "encrypted-alert"),
        ("java", "openssl", "1.3", None, of_length(FROM_SERVER, 19), "application-data", "encrypted-alert"),
        ("python", "python", "1.3", None, of_length(FROM_SERVER, 19), "application-data", "encrypted-alert"),
        ("openssl", "java", "1.3", None, of_length(FROM_SERVER, 35), "application-data", "encrypted-alert"),
        ("wget", "java", "1.3", None, of_length(FROM_SERVER, 35), "tls-established", "encrypted-alert"),
        ("rustls", "python", "1.3", None, of_length(FROM_SERVER, 19), "application-data", "encrypted-alert"),
        ("curl", "rustls", "1.3", None, of_length(FROM_SERVER, 19), "application-data", "encrypted-alert"),
        ("rustls", "rustls", "1.3", None, of_length(FROM_SERVER, 19), "application-data", "encrypted-alert"),
        ("curl", "openssl", "1.2", ("--cert", "{keys}/stranger-both.pem"), FROM_SERVER + " && tls.alert_message.level==2", "client-finished", "unknown_ca"),
        ("curl", "openssl", "1.3", ("--cert", "{keys}/stranger-both.pem"), of_length(FROM_SERVER, 19), "application-data", "encrypted-alert"),
        ("rustls", "rustls", "1.3", ("-cert", "{keys}/stranger-both.pem"), of_length(FROM_SERVER, 19), "application-data", "encrypted-alert")):
    def no_certificate(lab, client=client, server=server, version=version, has=has or ()):
        serve(lab, server, version, *(option.format(keys=lab.keys) for option in CLIENTS_ONLY[server]))
        with lab.capture():
            ask(lab, client, version, *(option.format(keys=lab.keys) for option in has))

    situation(f"tls-alert/client-certificate-{'stranger' if has else 'none'}-{client}-{server}-tls{version.replace('.', '')}",
              shows="a server that asks for a client certificate, and " + ("does not trust the client's" if has else "gets none"),
              made=f"{CLIENTS[client]} → {SERVERS[server]}, TLS {version}",
              expect="the client's flight, and the server's alert" + (", encrypted, instead of an answer" if version == "1.3" else f" {cause} instead of its Finished"),
              verdict=f"tls-alert stage={stage} actor=server cause={cause}", sees=(alert,))(no_certificate)
