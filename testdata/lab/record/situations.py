"""The situations: what each shows, how it is brought about, and the verdict that a reader of the capture must reach."""

import dataclasses
import gzip
import html
import pathlib
import struct
import subprocess
import threading
import time
import typing

from lab import SERVER, SERVER6, recorded

ALL = {}

HELLO, SERVER_HELLO = "tls.handshake.type==1", "tls.handshake.type==2"
DATA, FIN, RESET = "(tls.record.content_type==23 || tls.record.opaque_type==23)", "tcp.flags.fin==1", "tcp.flags.reset==1"
SYN = "tcp.flags.syn==1 && tcp.flags.ack==0"
SYN_ACK = "tcp.flags.syn==1 && tcp.flags.ack==1"
FROM_SERVER = f"ip.src=={SERVER}"
OK = "healthy stage=application-data actor=unknown cause=-"


@dataclasses.dataclass
class Situation:
    act: typing.Callable
    shows: str
    made: str
    expect: str
    verdict: str
    sees: tuple = ()
    never: tuple = ()
    begins: str = SYN
    ends: str = ""
    forward: bool = True
    text_of: str = ""


def situation(name, **parts):
    def register(act):
        ALL[name] = Situation(act=act, **parts)
        return act

    return register


# Healthy.


@situation("healthy/plain", shows="a licence request over TLS 1.3 that is answered", made="{curl} → {nginx}, TLS 1.3",
           expect="handshake, request and answer, then an orderly end", verdict=OK, sees=(HELLO, DATA, FIN))
def _(lab):
    lab.nginx()
    with lab.capture():
        lab.curl()


def tls12(lab, *options):
    lab.nginx("ssl_protocols TLSv1.2; ssl_ecdh_curve secp521r1;")
    with lab.capture(*options):
        lab.curl("--tls-max", "1.2", "--curves", "P-521", "--ciphers", "ECDHE-RSA-AES256-GCM-SHA384")


@situation("healthy/tls12", shows="TLS 1.2 with ECDHE over P-521 and AES-GCM, the handshake vManage shows",
           made="{curl} → {nginx}, TLS 1.2, secp521r1", expect="a client flight of 194 bytes, then request and answer",
           verdict=OK, sees=("tls.handshake.type==16 && tcp.len==194", DATA, FIN))
def _(lab):
    tls12(lab)


@situation("healthy/java", shows="the same request from Java", made="HttpsURLConnection of {java} → {nginx}, TLS 1.3",
           expect="handshake, request and answer", verdict=OK, sees=(HELLO, DATA))
def _(lab):
    lab.nginx()
    with lab.capture():
        lab.java("TLSv1.3", f"{lab.keys}/ca.pem")
    lab.as_pcapng()


@situation("healthy/ipv6", shows="the same request over IPv6", made="{curl} → {nginx}, TLS 1.3 over IPv6",
           expect="handshake, request and answer over IPv6", verdict=OK, sees=("ipv6 && " + HELLO, DATA))
def _(lab):
    lab.nginx()
    with lab.capture():
        lab.curl(url=f"https://[{SERVER6}]:8443/licences")


@situation("healthy/resumed", shows="a TLS 1.2 session resumed by its ticket, so without a certificate",
           made="s_client -sess_in of {openssl} → {nginx}", expect="an abbreviated handshake that lacks a certificate and is well",
           verdict=OK, sees=(SERVER_HELLO, DATA), never=("tls.handshake.type==11",))
def _(lab):
    lab.nginx("ssl_protocols TLSv1.2;")
    request = b"GET /licences HTTP/1.1\r\nHost: ssm.example\r\nConnection: close\r\n\r\n"
    ask = ("openssl", "s_client", "-connect", f"{SERVER}:8443", "-quiet")
    lab.run("c", *ask, "-sess_out", lab.work / "session", text=request)
    with lab.capture():
        lab.run("c", *ask, "-sess_in", lab.work / "session", text=request)


@situation("healthy/rst-after-close", shows="a RST that answers the server's late close_notify, after a complete answer",
           made="{python} client that closes at once → {python} TLS 1.2 server", expect="request, answer, the client's FIN, and only then a RST",
           verdict=OK, sees=(DATA, FIN, RESET))
def _(lab):
    lab.peer("s", "tls_late_close", 8443, f"{lab.keys}/server.pem")
    with lab.capture():
        lab.client("closing_at_once")
        time.sleep(0.5)


@situation("healthy/proxy", shows="TLS through a proxy's CONNECT", made="{curl} → {python} proxy → {nginx}",
           expect="CONNECT, 200, and then a healthy TLS connection", verdict=OK, sees=("http.request.method==CONNECT", "http.response.code==200"))
def _(lab):
    lab.nginx()
    lab.peer("s", "proxy", 3128, "200")
    with lab.capture():
        lab.curl("-x", f"http://{SERVER}:3128")


@situation("slow/plain", shows="a path so long that TLS is up only after 2 s", made="{curl} → {nginx}, TLS 1.2, 400 ms in each direction by wire.py",
           expect="a healthy exchange, established 2.4 s after the SYN: three round trips of 0.8 s", verdict="slow stage=application-data actor=path cause=-",
           sees=(HELLO, DATA), forward=False)
def _(lab):
    lab.wire(delay=0.4)
    lab.nginx("ssl_protocols TLSv1.2;")
    with lab.capture():
        lab.curl()


@situation("slow/server", shows="a server that takes 2.5 s for its answer to the ClientHello", made="{curl} → {python} TLS server that sleeps",
           expect="short round trips, and 2.5 s between ClientHello and ServerHello", verdict="slow stage=application-data actor=server cause=-",
           sees=(HELLO, DATA))
def _(lab):
    lab.peer("s", "tls_hesitating", 8443, f"{lab.keys}/server.pem")
    with lab.capture():
        lab.curl()


@situation("plaintext/plain", shows="plain HTTP on port 80, where no TLS is expected", made="{curl} → {nginx}, port 80", expect="an HTTP request and its answer",
           verdict="plaintext stage=tcp-established actor=unknown cause=-", sees=("http.response.code==200",))
def _(lab):
    lab.nginx(port=80, tls="")
    with lab.capture():
        lab.curl(url=f"http://{SERVER}/licences")


# No TCP connection.


def dropped(six):
    def act(lab):
        lab.firewall("r", "FORWARD", "-p", "tcp", "-j", "DROP", six=six)
        with lab.capture():
            lab.curl("--connect-timeout", "8", url=f"https://{f'[{SERVER6}]' if six else SERVER}:8443/")

    return act


for variant, six in (("plain", False), ("ipv6", True)):
    situation(f"syn-no-reply/{variant}", shows="a SYN that nobody answers" + (", over IPv6" if six else ""),
              made="{curl} --connect-timeout 8, DROP on the router", expect="one SYN and its repeats, nothing else",
              verdict="syn-no-reply stage=syn actor=path cause=-", sees=(SYN + " && tcp.analysis.retransmission",), never=("tcp.flags.ack==1",))(dropped(six))


def refused(url, pcapng=False):
    def act(lab):
        with lab.capture():
            lab.curl(url=url)
        if pcapng:
            lab.as_pcapng()

    return act


REFUSED = "refused stage=syn actor=server cause=-"
situation("refused/plain", shows="a port where nobody listens", made="{curl}, closed port", expect="a RST that answers the SYN", verdict=REFUSED,
          sees=(RESET,), never=(SYN_ACK,))(refused(f"https://{SERVER}:8443/", True))
situation("refused/ipv6", shows="a port where nobody listens, over IPv6", made="{curl}, closed port", expect="a RST that answers the SYN",
          verdict=REFUSED, sees=("ipv6 && " + RESET,), never=(SYN_ACK,))(refused(f"https://[{SERVER6}]:8443/"))


@situation("refused/reject-with-tcp-reset", shows="a firewall that refuses in the server's name", made="{curl}, REJECT --reject-with tcp-reset on the router",
           expect="a RST that answers the SYN; its TTL is 64 where the server's own would be 63", verdict=REFUSED, sees=(RESET + f" && ip.ttl==64 && {FROM_SERVER}",))
def _(lab):
    lab.nginx()
    lab.firewall("r", "FORWARD", "-p", "tcp", "--syn", "-j", "REJECT", "--reject-with", "tcp-reset")
    with lab.capture():
        lab.curl()


def unreachable(kind, six=False, pcapng=False):
    def act(lab):
        lab.firewall("r", "FORWARD", "-p", "tcp", "-j", "REJECT", "--reject-with", kind, six=six)
        with lab.capture():
            lab.curl("--connect-timeout", "4", url=f"https://{f'[{SERVER6}]' if six else SERVER}:8443/")
        if pcapng:
            lab.as_pcapng()

    return act


for variant, kind, cause, code in (("plain", "icmp-admin-prohibited", "icmp-admin-prohibited", 13),
                                   ("host", "icmp-host-unreachable", "icmp-host-unreachable", 1),
                                   ("net", "icmp-net-unreachable", "icmp-net-unreachable", 0),
                                   ("port", "icmp-port-unreachable", "icmp-port-unreachable", 3),
                                   ("ipv6", "icmp6-adm-prohibited", "icmp-admin-prohibited", 1)):
    six = variant == "ipv6"
    situation(f"unreachable/{variant}", shows=f"a router that answers the SYN with {'ICMPv6' if six else 'ICMP'} type {1 if six else 3} code {code}",
              made="{curl}, REJECT --reject-with " + kind + " on the router", expect="a SYN, and the router's error that quotes it",
              verdict=f"unreachable stage=syn actor=path cause={cause}",
              sees=(f"icmpv6.type==1 && icmpv6.code=={code}" if six else f"icmp.type==3 && icmp.code=={code}",))(unreachable(kind, six, variant == "net"))


@situation("tcp-handshake-incomplete/plain", shows="a SYN-ACK that the client never acknowledges", made="{curl} → {nginx}, DROP in the client's own OUTPUT",
           expect="a SYN and repeated SYN-ACKs, no ACK", verdict="tcp-handshake-incomplete stage=syn-ack actor=client cause=-",
           sees=(SYN_ACK, SYN_ACK + " && tcp.analysis.retransmission"), never=("ip.src==192.0.2.10 && tcp.flags.ack==1",))
def _(lab):
    lab.nginx()
    lab.firewall("c", "OUTPUT", "-p", "tcp", "!", "--syn", "-j", "DROP")
    with lab.capture():
        lab.curl(limit=8)


# A connection, but no TLS.


@situation("client-silent/plain", shows="a client that connects and says nothing for 5 s", made="{python} client → {nginx}", expect="a TCP handshake, 5 s of silence, a FIN without data",
           verdict="client-silent stage=tcp-established actor=client cause=-", sees=(FIN,), never=("tcp.len>0",))
def _(lab):
    lab.nginx()
    with lab.capture():
        lab.client("silent")


@situation("no-server-hello/plain", shows="a server that takes the ClientHello and says nothing", made="{curl} --keepalive-time 1 → {python} listener",
           expect="a ClientHello that is acknowledged, then only TCP keep-alives to the end of the capture", verdict="no-server-hello stage=client-hello actor=server cause=-",
           sees=(HELLO, "tcp.analysis.keep_alive"), never=(FIN, RESET, FROM_SERVER + " && tcp.len>0"))
def _(lab):
    lab.peer("s", "hang", 8443)
    with lab.capture():
        process = lab.start("c", "curl", "-s", "--keepalive-time", "1", f"https://{SERVER}:8443/")
        time.sleep(6.5)
    lab.end(process)


@situation("no-server-hello/client-hello-lost", shows="a ClientHello that never gets through", made="{curl} → {nginx}, DROP of packets above 100 bytes on the router",
           expect="a ClientHello repeated and never acknowledged", verdict="no-server-hello stage=client-hello actor=path cause=client-hello-lost",
           sees=(HELLO, "tcp.analysis.retransmission && tcp.len>100"), never=(FROM_SERVER + " && tcp.ack>1", FROM_SERVER + " && tcp.len>0"))
def _(lab):
    lab.nginx()
    lab.firewall("r", "FORWARD", "-s", "192.0.2.10", "-m", "length", "--length", "100:", "-j", "DROP")
    with lab.capture():
        lab.curl(limit=7)


@situation("no-server-hello/client-gives-up", shows="a client that gives up after 8 s without a ServerHello", made="{curl} --max-time 8 → {python} listener",
           expect="a ClientHello that is acknowledged, 8 s of silence, the client's FIN", verdict="no-server-hello stage=client-hello actor=server cause=-",
           sees=(HELLO, FIN), never=(FROM_SERVER + " && tcp.len>0",))
def _(lab):
    lab.peer("s", "hang", 8443)
    with lab.capture():
        lab.curl(limit=8)


def relayed(lab, limit):
    lab.openssl("-tls1_2", port=9443)
    lab.peer("s", "relay", 8443, 9443, limit)
    with lab.capture():
        lab.curl("--keepalive-time", "1", limit=6)


@situation("handshake-stalled/plain", shows="a server that stops in the middle of its Certificate", made="{curl} → {python} relay that passes 600 bytes → s_server of {openssl}, TLS 1.2",
           expect="a ServerHello and part of a Certificate, then silence", verdict="handshake-stalled stage=server-hello actor=server cause=-", sees=(HELLO, SERVER_HELLO),
           never=("tls.handshake.type==14",))
def _(lab):
    relayed(lab, 600)


@situation("handshake-stalled/no-server-finished", shows="a server that says nothing to the client's Finished",
           made="{curl} → {python} relay that passes the first flight → s_server of {openssl}, TLS 1.2", expect="ServerHelloDone, the client's key exchange and Finished, then silence",
           verdict="handshake-stalled stage=client-finished actor=server cause=-", sees=("tls.handshake.type==14", "tls.handshake.type==16"),
           never=(FROM_SERVER + " && tls.record.content_type==20",))
def _(lab):
    relayed(lab, "flight")


@situation("handshake-stalled/pmtu-black-hole", shows="a path that loses every large packet without a word", made="{curl} → {nginx} with a long chain, TLS 1.2, DROP of packets above 1000 bytes toward the client",
           expect="only the short tail of the server's flight arrives, after a hole of full-size segments", verdict="handshake-stalled stage=client-hello actor=path cause=pmtu-black-hole",
           sees=(HELLO, FROM_SERVER + " && tcp.len>0 && tcp.seq>1000", "tcp.options.sack_le"), never=(SERVER_HELLO, FROM_SERVER + " && tcp.len>1000"))
def _(lab):
    lab.nginx("ssl_protocols TLSv1.2;", certificate="long.pem")
    lab.firewall("r", "FORWARD", "-d", "192.0.2.10", "-m", "length", "--length", "1001:", "-j", "DROP")
    with lab.capture():
        lab.curl(limit=7)


@situation("handshake-stalled/server-flight-lost", shows="a part of the server's flight that is lost, each time again", made="{curl} → {nginx} with a long chain, TLS 1.2, its second segment lost by wire.py",
           expect="a full-size segment with the ServerHello, and what follows a hole that is never filled", verdict="handshake-stalled stage=server-hello actor=path cause=server-flight-lost",
           sees=(SERVER_HELLO, "tcp.options.sack_le", FROM_SERVER + " && tcp.len>1400"), forward=False)
def _(lab):
    lab.wire(hole=[1449, 2000])
    lab.nginx("ssl_protocols TLSv1.2;", certificate="long.pem")
    with lab.capture():
        lab.curl(limit=7)


# TLS says no.


def alert(name, description, server, client, **parts):
    def act(lab):
        lab.openssl(*server)
        with lab.capture():
            client(lab)

    situation(name, sees=(f"tls.alert_message.desc=={description}",) if description else (HELLO,), **parts)(act)


alert("tls-alert/plain", 70, ("-tls1_3",), lambda lab: lab.curl("--tls-max", "1.2"), shows="a client without TLS 1.3 at a server with nothing else",
      made="{curl} --tls-max 1.2 → s_server -tls1_3 of {openssl}", expect="the server's alert protocol_version right after the ClientHello",
      verdict="tls-alert stage=client-hello actor=server cause=protocol_version")
alert("tls-alert/handshake-failure", 40, ("-tls1_2", "-cipher", "ECDHE-RSA-AES256-GCM-SHA384"),
      lambda lab: lab.curl("--tls-max", "1.2", "--ciphers", "ECDHE-RSA-AES128-GCM-SHA256"), shows="client and server without a common cipher suite",
      made="{curl} → s_server of {openssl}, TLS 1.2, one cipher suite each", expect="the server's alert handshake_failure right after the ClientHello",
      verdict="tls-alert stage=client-hello actor=server cause=handshake_failure")
alert("tls-alert/unknown-ca", 48, ("-tls1_2",), lambda lab: lab.curl("no-trust"), shows="a client that does not trust the server's issuer",
      made="{curl} → s_server of {openssl}, TLS 1.2, CA not trusted", expect="the client's alert unknown_ca after the server's flight",
      verdict="tls-alert stage=server-flight-complete actor=client cause=unknown_ca")
alert("tls-alert/java-certificate-unknown", 46, ("-tls1_2",), lambda lab: lab.java("TLSv1.2"), shows="Java's word for a certificate that it does not trust",
      made="HttpsURLConnection of {java} → s_server of {openssl}, TLS 1.2, CA not trusted", expect="the client's alert certificate_unknown after the server's flight",
      verdict="tls-alert stage=server-flight-complete actor=client cause=certificate_unknown")
alert("tls-alert/tls13-curl", 48, ("-tls1_3",), lambda lab: lab.curl("no-trust"), shows="OpenSSL's alert in clear although TLS 1.3 encrypts the handshake",
      made="{curl} → s_server of {openssl}, TLS 1.3, CA not trusted", expect="the client's alert unknown_ca in clear, after the server's flight",
      verdict="tls-alert stage=server-flight-complete actor=client cause=unknown_ca")
alert("tls-alert/tls13-java", 0, ("-tls1_3",), lambda lab: lab.java("TLSv1.3"), shows="a certificate rejected under encryption",
      made="HttpsURLConnection of {java} → s_server of {openssl}, TLS 1.3, CA not trusted",
      expect="ChangeCipherSpec and an encrypted record of 35 bytes where a Finished would be longer, then the end", verdict="tls-alert stage=server-flight-complete actor=client cause=certificate-rejected")
ALL["tls-alert/tls13-java"].sees = ("ip.src==192.0.2.10 && tls.record.length==35",)


# Cut short.


@situation("reset/plain", shows="a server that resets on the ClientHello", made="{curl} → {python} listener with SO_LINGER 0", expect="a ClientHello and the server's RST",
           verdict="reset stage=client-hello actor=server cause=-", sees=(HELLO, FROM_SERVER + " && " + RESET))
def _(lab):
    lab.peer("s", "reset", 8443)
    with lab.capture():
        lab.curl()
    lab.as_pcapng()


@situation("reset/by-client", shows="a client that resets after the server's flight", made="{python} client with SO_LINGER 0 → s_server of {openssl}, TLS 1.2", expect="a server's flight up to ServerHelloDone, then the client's RST",
           verdict="reset stage=server-flight-complete actor=client cause=-", sees=("tls.handshake.type==14", "ip.src==192.0.2.10 && " + RESET))
def _(lab):
    lab.openssl("-tls1_2")
    with lab.capture():
        lab.client("flight_then_reset")


INJECTED = "reset stage=client-hello actor=path cause=rst-injected"


@situation("reset/injected", shows="a RST forged on the path just before the server's flight", made="{curl} → {nginx}, TLS 1.2, RST by wire.py in the router",
           expect="a RST with another TTL than the SYN-ACK, and the server's flight after it", verdict=INJECTED.replace("client-hello", "server-flight-complete"),
           sees=(FROM_SERVER + " && ip.ttl==64 && " + RESET, FROM_SERVER + " && ip.ttl==63 && tcp.len>0"), forward=False)
def _(lab):
    lab.wire(forge_reset=1)
    lab.nginx("ssl_protocols TLSv1.2;")
    with lab.capture():
        lab.curl()
        time.sleep(0.5)


@situation("reset/injected-by-firewall", shows="a firewall that lets the TCP handshake pass and resets on the ClientHello", made="{curl} → {nginx}, REJECT --reject-with tcp-reset of long packets on the router",
           expect="a RST with TTL 64 where the SYN-ACK had 63", verdict=INJECTED, sees=(FROM_SERVER + " && ip.ttl==64 && " + RESET, SYN_ACK + " && ip.ttl==63"))
def _(lab):
    lab.nginx()
    lab.firewall("r", "FORWARD", "-s", "192.0.2.10", "-p", "tcp", "-m", "length", "--length", "100:", "-j", "REJECT", "--reject-with", "tcp-reset")
    with lab.capture():
        lab.curl()


@situation("closed-early/plain", shows="a server that closes on the ClientHello", made="{curl} → {python} listener", expect="a ClientHello and the server's FIN, no TLS from the server",
           verdict="closed-early stage=client-hello actor=server cause=-", sees=(HELLO, FROM_SERVER + " && " + FIN), never=(FROM_SERVER + " && tcp.len>0",))
def _(lab):
    lab.peer("s", "close", 8443)
    with lab.capture():
        lab.curl()


@situation("closed-early/by-client", shows="a client that closes a second after its ClientHello", made="{python} client → {python} listener", expect="a ClientHello and the client's FIN 1 s later",
           verdict="closed-early stage=client-hello actor=client cause=-", sees=(HELLO, "ip.src==192.0.2.10 && " + FIN), never=(FROM_SERVER + " && tcp.len>0",))
def _(lab):
    lab.peer("s", "hang", 8443)
    with lab.capture():
        lab.client("hello_then_close")


# Somebody speaks something else.


@situation("not-tls/plain", shows="TLS spoken to a plain HTTP server", made="{curl} → {nginx} without TLS on 8443", expect="a ClientHello answered by HTTP/1.1 400 in clear",
           verdict="not-tls stage=client-hello actor=server cause=-", sees=(HELLO, FROM_SERVER + ' && tcp.payload contains "HTTP/1.1 400"'))
def _(lab):
    lab.nginx(tls="")
    with lab.capture():
        lab.curl()


@situation("not-tls/client-speaks-http", shows="plain HTTP spoken to the TLS port", made="{curl} http:// → {nginx} with TLS on 8443", expect="a GET in clear answered by HTTP/1.1 400 in clear",
           verdict="not-tls stage=tcp-established actor=client cause=-", sees=('tcp.payload contains "GET /"', FROM_SERVER + ' && tcp.payload contains "HTTP/1.1 400"'))
def _(lab):
    lab.nginx()
    with lab.capture():
        lab.curl(url=f"http://{SERVER}:8443/licences")


@situation("not-tls/ssh-banner", shows="an SSH server on the port", made="{curl} → {python} listener that sends OpenSSH's banner", expect="a ClientHello and SSH-2.0 from the server",
           verdict="not-tls stage=client-hello actor=server cause=-", sees=(FROM_SERVER + ' && tcp.payload contains "SSH-2.0"', 'ip.src==192.0.2.10 && tcp.len>100'))
def _(lab):
    lab.peer("s", "banner", 8443)
    with lab.capture():
        lab.curl()


def proxy_refuses(status):
    def act(lab):
        lab.peer("s", "proxy", 3128, status)
        with lab.capture():
            lab.curl("-x", f"http://{SERVER}:3128", url="https://203.0.113.20:8443/licences")

    return act


for name, status in (("proxy-refused/plain", "407"), ("proxy-refused/403", "403")):
    situation(name, shows=f"a proxy that answers CONNECT with {status}", made="{curl} -x → {python} proxy", expect=f"CONNECT, {status}, the end",
              verdict=f"proxy-refused stage=tcp-established actor=server cause={status}", sees=(f"http.response.code=={status}",), never=(HELLO,))(proxy_refuses(status))


@situation("no-response/plain", shows="a request over TLS that is never answered", made="{curl} --max-time 5 → {python} TLS server", expect="a complete handshake, a request, 5 s of silence, the client's end",
           verdict="no-response stage=application-data actor=server cause=-", sees=(HELLO, DATA, FIN))
def _(lab):
    lab.peer("s", "tls_silent", 8443, f"{lab.keys}/server.pem", "1.2")
    with lab.capture():
        lab.curl(limit=5)


@situation("no-response/plaintext", shows="a plain HTTP request that is never answered", made="{curl} --max-time 5 → {python} listener on port 80", expect="a GET that is acknowledged, 5 s of silence, the client's FIN",
           verdict="no-response stage=tcp-established actor=server cause=-", sees=("http.request", FIN), never=(FROM_SERVER + " && tcp.len>0",))
def _(lab):
    lab.peer("s", "hang", 80)
    with lab.capture():
        lab.curl(url=f"http://{SERVER}/licences", limit=5)


# A capture that begins late or ends early.


@situation("midstream/plain", shows="a capture that begins and ends within a download", made="{curl} → {python} TLS server, tcpdump started 1 s late", expect="TLS records in one direction, no beginning and no end",
           verdict="midstream stage=none actor=unknown cause=-", sees=(FROM_SERVER + " && tcp.len>500",), never=(SYN, SYN_ACK, HELLO, FIN, RESET), begins="ip.src==192.0.2.10")
def _(lab):
    lab.peer("s", "tls_chunks", 8443, f"{lab.keys}/server.pem", 80, 0.05)
    process = lab.start("c", "curl", "-s", "-k", "-o", "/dev/null", f"https://{SERVER}:8443/")
    time.sleep(1)
    with lab.capture():
        time.sleep(1)
    lab.end(process)


def cut_after(packets):
    def act(lab):
        lab.nginx()
        with lab.capture():
            lab.curl()
        lab.keep(packets)

    return act


situation("in-progress/plain", shows="a capture that ends right after the ClientHello", made="{curl} → {nginx}, first packets kept by editcap -r", expect="a TCP handshake and a ClientHello, then the end of the capture",
          verdict="in-progress stage=client-hello actor=unknown cause=-", sees=(HELLO,), never=(SERVER_HELLO,))(cut_after("1-4"))
situation("in-progress/syn", shows="a capture that ends right after the SYN", made="{curl} → {nginx}, first packet kept by editcap -r", expect="one SYN, then the end of the capture",
          verdict="in-progress stage=syn actor=unknown cause=-", sees=(SYN,), never=("tcp.flags.ack==1",))(cut_after("1-1"))


# What TCP does on a good or a bad day.


@situation("tcp/keep-alive", shows="an idle connection kept alive between two requests", made="{python} client → {nginx}", expect="two requests answered, keep-alives of TCP in the 4.5 s between, which are no stall",
           verdict=OK, sees=("tcp.analysis.keep_alive", DATA, FIN))
def _(lab):
    lab.nginx()
    with lab.capture():
        lab.client("idle_between")


@situation("tcp/zero-window", shows="a client that does not read for 4 s", made="{python} client with a small receive buffer → {python} TLS server", expect="a closed window, probes, an update, and the whole answer",
           verdict=OK, sees=("tcp.analysis.zero_window", "tcp.analysis.zero_window_probe || tcp.analysis.window_full", DATA, FIN))
def _(lab):
    lab.peer("s", "tls_chunks", 8443, f"{lab.keys}/server.pem", 24, 0)
    with lab.capture():
        lab.client("pausing")


@situation("tcp/port-reuse", shows="two connections with the same four addresses and ports", made="{python} client bound to port 50500 → {nginx}", expect="two healthy connections, distinguished by their SYNs",
           verdict=OK, sees=(SYN, "tcp.stream==1 && tcp.port==50500"))
def _(lab):
    lab.nginx()
    with lab.capture():
        lab.client("same_port_twice")


@situation("tcp/fast-open", shows="a SYN that carries the ClientHello", made="{curl} --tcp-fastopen → {nginx} with fastopen=16, cookie fetched before", expect="data in the SYN, acknowledged by the SYN-ACK, then a healthy exchange",
           verdict=OK, sees=(SYN + " && tcp.len>0", DATA))
def _(lab):
    for end in "cs":
        lab.run(end, "sysctl", "-qw", "net.ipv4.tcp_fastopen=3")
    lab.nginx(tls="ssl fastopen=16")
    lab.curl("--tcp-fastopen")
    with lab.capture():
        lab.curl("--tcp-fastopen")


@situation("tcp/simultaneous-open", shows="two SYNs that cross", made="two {python} peers that connect at the same instant, 150 ms apart by wire.py", expect="a SYN from each side, a SYN-ACK from each side, then a healthy exchange",
           verdict=OK, sees=(SYN + " && " + FROM_SERVER, SYN + " && ip.src==192.0.2.10", DATA), begins=SYN + " && ip.src==192.0.2.10", forward=False)
def _(lab):
    lab.wire(delay=0.15)
    with lab.capture():
        at = time.time() + 2
        lab.peer("s", "simultaneous", at, f"{lab.keys}/server.pem", ready=None)
        lab.client("simultaneous", at)
        time.sleep(0.5)


@situation("tcp/half-open", shows="a server that has forgotten the connection when the request comes", made="{python} client → {python} TLS server that drops its socket without a word", expect="a complete handshake, 2 s later a request, and a RST instead of an answer",
           verdict="reset stage=application-data actor=server cause=-", sees=(DATA, FROM_SERVER + " && " + RESET), never=(FIN,))
def _(lab):
    server = lab.peer("s", "tls_forgetting", 8443, f"{lab.keys}/server.pem")
    with lab.capture():
        client = threading.Thread(target=lab.client, args=("late_request", 2))
        client.start()
        lab.until(server, "shaken")
        time.sleep(0.3)
        lab.firewall("s", "OUTPUT", "-p", "tcp", "-j", "DROP")
        server.send_signal(10)
        lab.until(server, "forgotten")
        time.sleep(0.3)
        lab.run("s", "iptables", "-w", "-D", "OUTPUT", "-p", "tcp", "-j", "DROP")
        client.join()


def download(**wire):
    def act(lab):
        lab.wire(**wire)
        lab.nginx()
        with lab.capture():
            lab.curl("-o", "/dev/null", url=f"https://{SERVER}:8443/download")

    return act


situation("tcp/retransmission", shows="a lossy path on which all gets through in the end", made="{curl} → {nginx}, 15 % of the segments lost once by wire.py", expect="retransmissions, and a complete answer",
          verdict=OK, sees=("tcp.analysis.retransmission || tcp.analysis.fast_retransmission || tcp.analysis.spurious_retransmission || tcp.analysis.lost_segment", DATA, FIN), forward=False)(download(lose=0.15, seed=4))
situation("tcp/out-of-order", shows="segments that overtake each other", made="{curl} → {nginx}, every fourth segment held for 20 ms by wire.py", expect="segments out of order, and a complete answer",
          verdict=OK, sees=("tcp.analysis.out_of_order || tcp.analysis.lost_segment || tcp.analysis.retransmission", DATA, FIN), forward=False)(download(reorder=4))


@situation("link/duplicate", shows="every packet seen twice, as a capture on the router's any interface does", made="{curl} → {nginx}, tcpdump -i any on the router", expect="pairs with the same IP id, link type SLL2, no retransmission",
           verdict=OK, sees=("sll", DATA))
def _(lab):
    lab.nginx()
    with lab.capture(end="r", interface="any"):
        lab.curl()


ON_THE_LINK = {"vlan": "vlan", "gre": "ip proto 47", "ipip": "ip proto 4", "6in4": "ip proto 41", "vxlan": "udp port 4789"}

for kind in ON_THE_LINK:
    def tunnelled(lab, kind=kind):
        lab.wire(encapsulate=kind)
        lab.nginx()
        with lab.capture(end="r", interface="t0", only=ON_THE_LINK[kind]):
            lab.curl(url=f"https://[{SERVER6}]:8443/licences" if kind == "6in4" else f"https://{SERVER}:8443/licences")

    situation(f"link/{kind}", shows="a capture of an 802.1Q trunk" if kind == "vlan" else f"a capture of the outer link of a tunnel: {kind}",
              made="{curl} → {nginx}, the tags put on by wire.py" if kind == "vlan" else "{curl} → {nginx}, the tunnel made by wire.py",
              expect="handshake, request and answer inside", verdict=OK, forward=False, begins="ipv6 && " + SYN if kind == "6in4" else SYN,
              sees=({"vlan": "vlan.id==100", "gre": "gre", "ipip": "ip.proto==4", "6in4": "ip.proto==41", "vxlan": "vxlan"}[kind] + " && " + HELLO, DATA))(tunnelled)


@situation("link/fragments", shows="the server's segments in IPv4 fragments", made="{curl} → {nginx} with ip_no_pmtu_disc, mtu lock 700 on the router", expect="fragments of the server's large segments, and a healthy exchange",
           verdict=OK, sees=("ip.flags.mf==1", "ip.frag_offset>0", FIN))
def _(lab):
    lab.run("s", "sysctl", "-qw", "net.ipv4.ip_no_pmtu_disc=1")
    lab.run("r", "ip", "route", "replace", "192.0.2.0/24", "dev", "rc", "mtu", "lock", "700")
    lab.nginx("ssl_protocols TLSv1.2;", certificate="long.pem")
    with lab.capture():
        lab.curl()


# What a file can be.


@situation("file/ring", shows="one capture in three files, as a ring buffer leaves them", made="{curl} → {nginx}, divided by editcap; a.pcap is the middle, b.pcap the end, c.pcap the beginning", expect="one healthy connection when the three are read together",
           verdict=OK, begins="tcp && ip.src==192.0.2.10")
def _(lab):
    lab.nginx()
    with lab.capture():
        lab.curl()
    whole = lab.folder / "capture.pcap"
    for name, packets in (("c", "1-6"), ("a", "7-12"), ("b", "13-999")):
        lab.tool("editcap", "-F", "pcap", "-r", whole, lab.folder / f"{name}.pcap", packets)
    whole.unlink()


@situation("file/snaplen", shows="packets cut at 128 bytes, as vManage cuts them", made="{curl} → {nginx}, TLS 1.2, tcpdump -s 128", expect="a healthy exchange recognised by the first bytes of each packet and from lengths",
           verdict=OK, sees=("frame.cap_len<frame.len", FIN))
def _(lab):
    tls12(lab, "-s", "128")


@situation("file/nanoseconds", shows="a pcap with nanosecond times", made="{curl} → {nginx}, tcpdump --time-stamp-precision=nano", expect="a healthy exchange within milliseconds", verdict=OK, sees=(HELLO, FIN))
def _(lab):
    lab.nginx()
    with lab.capture("--time-stamp-precision=nano"):
        lab.curl()


@situation("file/compressed", shows="the same capture as gzip-compressed pcap and zstd-compressed pcapng, each to be read alone", made="{curl} → {nginx}, gzip and zstd", expect="a healthy exchange", verdict=OK,
           text_of="healthy/plain/capture.pcap")
def _(lab):
    source = recorded("healthy/plain/capture.pcap")
    (lab.folder / "capture.pcap.gz").write_bytes(gzip.compress(source.read_bytes(), mtime=0))
    lab.tool("editcap", "-F", "pcapng", source, lab.work / "capture.pcapng")
    lab.tool("zstd", "-q", "-19", lab.work / "capture.pcapng", "-o", lab.folder / "capture.pcapng.zst")


@situation("file/cut", shows="a file that ends within its last packet", made="{curl} → {nginx}, the last 20 bytes of the file taken away", expect="a healthy exchange, and that the file is cut", verdict=OK, sees=(HELLO, DATA))
def _(lab):
    lab.nginx()
    with lab.capture():
        lab.curl()
    capture = lab.folder / "capture.pcap"
    capture.write_bytes(capture.read_bytes()[:-20])


@situation("file/damaged", shows="a file with a destroyed record header", made="{curl} → {nginx}, TLS 1.2, the header of the third packet from the end overwritten", expect="a healthy exchange up to the damage, and where the damage is", verdict=OK, sees=(HELLO, DATA))
def _(lab):
    tls12(lab)
    capture = lab.folder / "capture.pcap"
    data, at, records = bytearray(capture.read_bytes()), 24, []
    while at < len(data):
        records.append(at)
        at += 16 + struct.unpack("<I", data[at + 8 : at + 12])[0]
    data[records[-3] : records[-3] + 16] = b"\xff" * 16
    capture.write_bytes(data)


# Text.

VMANAGE = """\
vmanage# tcpdump vpn 0 interface eth0 options "{filter} -nn -vv"
tcpdump -p -i eth0 -s 128 {filter} -nn -vv in VPN 0
tcpdump: listening on eth0, link-type EN10MB (Ethernet), capture size 128 bytes
"""
TRAILER = "{count} packets captured\n{count} packets received by filter\n0 packets dropped by kernel\n"


def printed(lab, source):
    """tcpdump's text of the capture, cut at 128 bytes as vManage cuts it."""
    lab.tool("editcap", "-F", "pcap", "-s", "128", recorded(source), lab.work / "cut.pcap")
    return subprocess.run(["tcpdump", "-nn", "-vv", "-r", str(lab.work / "cut.pcap")], capture_output=True, text=True, check=True,
                          env={"TZ": "UTC", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}).stdout


def pasted(text):
    return "".join(line.strip()[: 200 if " IP6 " in line else 98] + "\n" for line in text.splitlines())


TRANSCRIPTS = (
    ("syn-no-reply", "syn-no-reply/plain/capture.pcap", pasted, "\n", "pasted: no indent, cut at 98 columns"),
    ("refused", "refused/plain/capture.pcapng", pasted, "\r\n", "pasted, CRLF"),
    ("unreachable", "unreachable/plain/capture.pcap", lambda text: html.escape(text), "\n", "indent kept, HTML entities"),
    ("syn-no-reply-ipv6", "syn-no-reply/ipv6/capture.pcap", lambda text: text, "\n", "banner and one-line IPv6 headers as tcpdump 4.9 writes them"),
    ("tcp-handshake-incomplete", "tcp-handshake-incomplete/plain/capture.pcap", pasted, "\n", "pasted: no indent, cut at 98 columns"),
    ("no-server-hello", "no-server-hello/client-gives-up/capture.pcap", pasted, "\n", "pasted: no indent, cut at 98 columns"),
    ("healthy-tls12", "healthy/tls12/capture.pcap", lambda text: text, "\n", "as printed"),
)


for name, source, change, end, how in TRANSCRIPTS:
    def transcribe(lab, source=source, change=change, end=end):
        text = printed(lab, source)
        count = sum(1 for line in text.splitlines() if line[:1].isdigit())
        whole = VMANAGE.format(filter="host " + (SERVER6 if "IP6" in text else SERVER)) + change(text) + TRAILER.format(count=count)
        (lab.folder / "transcript.txt").write_bytes(whole.replace("\n", end).encode())

    situation("transcript/" + name, shows=f"what tcpdump prints of {source.rsplit('/', 1)[0]}", made=f"tcpdump -nn -vv of {source} at 128 bytes, {how}",
              expect="what the capture itself shows, from headers and lengths", verdict=ALL[source.rsplit('/', 1)[0]].verdict, text_of=source)(transcribe)
