"""What paths do: loss, small links, errors of ICMP, other services and proxies in the way."""

import time

from lab import SERVER, SERVER6
from situations import DATA, FIN, HELLO, OK, RESET, SERVER_HELLO, situation
from stacks import CLIENTS, RUSTLS_PEER, ask, serve

FROM_CLIENT = "ip.src==192.0.2.10"
FROM_SERVER = f"ip.src=={SERVER}"


def hosts(six):
    return {"host": SERVER6} if six else {}


# Lost on the way.


@situation("no-server-hello/client-hello-lost-ipv6", shows="a ClientHello that never gets through, over IPv6", made="{java} → {nginx}, DROP of packets above 140 bytes on the router",
           expect="a ClientHello repeated and never acknowledged", verdict="no-server-hello stage=client-hello actor=path cause=client-hello-lost", sees=("ipv6 && " + HELLO, "tcp.analysis.retransmission"))
def _(lab):
    lab.nginx()
    lab.firewall("r", "FORWARD", "-p", "tcp", "--dport", "8443", "-m", "length", "--length", "140:", "-j", "DROP", six=True)
    with lab.capture():
        process = lab.start("c", "java", "-cp", lab.keys, "HttpsGet", f"https://[{SERVER6}]:8443/", "TLSv1.3")
        time.sleep(6)
        lab.end(process)


for count, version, verdict, words in (
        (1, "1.2", "handshake-stalled stage=client-finished actor=path cause=-", "the client's Finished, sent again and again"),
        (2, "1.2", "no-response stage=application-data actor=path cause=-", "the request, sent again and again")):
    def dark(lab, count=count, version=version):
        lab.wire(dark=count)
        lab.openssl("-tls1_2")
        with lab.capture():
            ask(lab, "curl", version, "--max-time", "5")

    situation(f"{verdict.split()[0]}/path-goes-dark", shows=f"a path that carries nothing any more after {count} segments of the server", made="{curl} → s_server of {openssl}, TLS 1.2, wire.py",
              expect=words + ", and never acknowledged", verdict=verdict, sees=(HELLO, "tcp.analysis.retransmission"), forward=False)(dark)


@situation("handshake-stalled/server-flight-lost-ipv6", shows="a part of the server's encrypted flight that is lost, each time again", made="{curl} → {nginx} with a long chain, TLS 1.3 over IPv6, its second segment lost by wire.py",
           expect="a full-size segment with the ServerHello, and what follows a hole that is never filled", verdict="handshake-stalled stage=server-hello actor=path cause=server-flight-lost",
           sees=("ipv6 && " + SERVER_HELLO, "tcp.options.sack_le"), forward=False)
def _(lab):
    lab.wire(hole=[1429, 2000])
    lab.nginx("ssl_protocols TLSv1.3;", certificate="long.pem")
    with lab.capture():
        ask(lab, "curl", "1.3", "--max-time", "6", host=SERVER6)


# Links smaller than the ends believe.


def small_link(lab):
    lab.shell(f"ip -n {lab.names['r']} route replace 198.51.100.0/24 dev rs mtu lock 1280; ip -n {lab.names['r']} route change 2001:db8:2::/64 dev rs proto kernel metric 256 mtu lock 1280")


BLACK_HOLE = "actor=path cause=pmtu-black-hole"

for six in (False, True):
    def silent_link(lab, six=six):
        lab.nginx()
        lab.firewall("r", "FORWARD", "-p", "tcp", "--dport", "8443", "-m", "length", "--length", "1261:" if six else "1301:", "-j", "DROP", six=six)
        with lab.capture():
            process = lab.start("c", "timeout", "6", RUSTLS_PEER, "client", f"[{SERVER6}]:8443" if six else f"{SERVER}:8443", "ssm.example", f"{lab.keys}/ca.pem")
            process.wait(10)
            time.sleep(0.2)

    situation("no-server-hello/pmtu-black-hole" + ("-ipv6" if six else ""), shows="a post-quantum ClientHello of two segments, of which only the small second one gets through", made="{rustls} → {nginx}, DROP of packets above 1300 bytes toward the server",
              expect="the full-size first segment again and again, and SACKs of the second", verdict="no-server-hello stage=client-hello " + BLACK_HOLE, sees=("tcp.options.sack_le", "tcp.len>1200 && tcp.dstport==8443"), never=("tcp.srcport==8443 && tcp.len>0",))(silent_link)

    def told_link(lab, six=six):
        lab.nginx()
        small_link(lab)
        lab.firewall("c", "INPUT", "-p", "icmpv6" if six else "icmp", "--icmpv6-type" if six else "--icmp-type", "packet-too-big" if six else "fragmentation-needed", "-j", "DROP", six=six)
        with lab.capture():
            process = lab.start("c", "timeout", "6", RUSTLS_PEER, "client", f"[{SERVER6}]:8443" if six else f"{SERVER}:8443", "ssm.example", f"{lab.keys}/ca.pem")
            process.wait(10)
            time.sleep(0.2)

    situation("no-server-hello/pmtu-report-ignored" + ("-ipv6" if six else ""), shows="a router that says how small the next link is, to a client whose own firewall drops that", made="{rustls} → {nginx}, MTU 1280 behind the router, ICMP dropped in the client's INPUT",
              expect="the router's error that quotes the ClientHello's first segment, which is sent again as large", verdict="no-server-hello stage=client-hello " + BLACK_HOLE,
              sees=("icmpv6.type==2" if six else "icmp.type==3 && icmp.code==4",), never=("tcp.srcport==8443 && tcp.len>0",))(told_link)

    def heeded(lab, six=six):
        lab.nginx()
        small_link(lab)
        with lab.capture():
            ask(lab, "rustls", "1.3", **hosts(six))

    situation("healthy/pmtu-heeded" + ("-ipv6" if six else ""), shows="a router that says how small the next link is, to a client that heeds it", made="{rustls} → {nginx}, MTU 1280 behind the router",
              expect="the router's error, smaller segments, and a healthy exchange", verdict=OK, sees=("icmpv6.type==2" if six else "icmp.type==3 && icmp.code==4", DATA, FIN))(heeded)

for version in ("1.2", "1.3"):
    def large_certificate(lab, version=version):
        serve(lab, "nginx", version, f"ssl_verify_client on; ssl_client_certificate {lab.keys}/ca.pem; ssl_verify_depth 4;")
        lab.firewall("r", "FORWARD", "-p", "tcp", "--dport", "8443", "-m", "length", "--length", "1301:", "-j", "DROP")
        with lab.capture():
            ask(lab, "curl", version, "--cert", f"{lab.keys}/client-long.pem", "--key", f"{lab.keys}/client.key", "--max-time", "6")

    situation(f"handshake-stalled/pmtu-client-certificate-tls{version.replace('.', '')}", shows="a client certificate too large for a path that says nothing", made=f"{{curl}} → {{nginx}} with ssl_verify_client, TLS {version}, DROP of packets above 1300 bytes toward the server",
              expect="the client's flight of several segments, the full-size ones never acknowledged", verdict="handshake-stalled stage=client-finished " + BLACK_HOLE, sees=(HELLO, "tcp.options.sack_le"))(large_certificate)


@situation("no-response/pmtu-black-hole", shows="a request too large for a path that says nothing", made="{curl} with 6 kB to send → {nginx}, TLS 1.2, DROP of packets above 1300 bytes toward the server",
           expect="a complete handshake, and a request of which the full-size segments are never acknowledged", verdict="no-response stage=application-data " + BLACK_HOLE, sees=(HELLO, DATA, "tcp.analysis.retransmission"))
def _(lab):
    serve(lab, "nginx", "1.2")
    lab.firewall("r", "FORWARD", "-p", "tcp", "--dport", "8443", "-m", "length", "--length", "1301:", "-j", "DROP")
    with lab.capture():
        ask(lab, "curl", "1.2", "--max-time", "6", "-H", "Expect:", "-d", "x" * 6000)


# No way to the server.

for kind, code, cause in (("icmp-proto-unreachable", 2, "-"), ("icmp-net-prohibited", 9, "icmp-admin-prohibited"), ("icmp-host-prohibited", 10, "icmp-admin-prohibited"),
                          ("icmp6-no-route", 0, "icmp-net-unreachable"), ("icmp6-addr-unreachable", 3, "icmp-host-unreachable"), ("icmp6-port-unreachable", 4, "icmp-port-unreachable")):
    six = kind.startswith("icmp6")

    def rejected(lab, kind=kind, six=six):
        lab.firewall("r", "FORWARD", "-p", "tcp", "-j", "REJECT", "--reject-with", kind, six=six)
        with lab.capture():
            lab.curl("--connect-timeout", "4", url=f"https://{f'[{SERVER6}]' if six else SERVER}:8443/")

    situation("unreachable/" + kind.replace("icmp-", "").replace("icmp6-", "ipv6-"), shows=f"a router that answers the SYN with {'ICMPv6 type 1' if six else 'ICMP type 3'} code {code}", made="{curl}, REJECT --reject-with " + kind + " on the router",
              expect="a SYN, and the router's error that quotes it", verdict=f"unreachable stage=syn actor=path cause={cause}", sees=(f"icmpv6.code=={code}" if six else f"icmp.code=={code}",))(rejected)

for six in (False, True):
    def host_down(lab, six=six):
        lab.shell(f"ip -n {lab.names['s']} link set s0 down; ip -n {lab.names['r']} neigh flush dev rs")
        with lab.capture():
            lab.curl("--connect-timeout", "6", url=f"https://{'[2001:db8:2::30]' if six else '198.51.100.30'}:8443/")

    situation("unreachable/host-down" + ("-ipv6" if six else ""), shows="a host that is down, so that its router finds no neighbour of that address", made="{curl} → an address that nobody has",
              expect="SYNs, and after some seconds the router's error", verdict="unreachable stage=syn actor=path cause=icmp-host-unreachable", sees=("icmpv6.type==1 && icmpv6.code==3" if six else "icmp.type==3 && icmp.code==1",))(host_down)

    def no_route(lab, six=six):
        with lab.capture():
            lab.curl("--connect-timeout", "4", url=f"https://{'[2001:db8:9::20]' if six else '203.0.113.20'}:8443/")

    situation("unreachable/no-route" + ("-ipv6" if six else ""), shows="a router without a route to the server's network", made="{curl} → a network that the router does not know",
              expect="a SYN, and the router's error", verdict="unreachable stage=syn actor=path cause=icmp-net-unreachable", sees=("icmpv6.type==1 && icmpv6.code==0" if six else "icmp.type==3 && icmp.code==0",))(no_route)


@situation("unreachable/loop", shows="a route that runs in a circle", made="{curl}, TTL 2 and a route back to the client on the router", expect="a SYN, and ICMP time exceeded",
           verdict="unreachable stage=syn actor=path cause=-", sees=("icmp.type==11",))
def _(lab):
    lab.shell(f"ip -n {lab.names['s']} route add 203.0.113.0/24 via 198.51.100.1; ip -n {lab.names['r']} route add 203.0.113.0/24 via 198.51.100.20; ip netns exec {lab.names['s']} sysctl -qw net.ipv4.ip_forward=1")
    with lab.capture():
        lab.curl("--connect-timeout", "4", url="https://203.0.113.20:8443/")


@situation("refused/java", shows="a port where nobody listens, asked by Java", made="{java}, closed port", expect="a RST that answers the SYN", verdict="refused stage=syn actor=server cause=-", sees=(RESET,))
def _(lab):
    with lab.capture():
        ask(lab, "java", "1.3")


@situation("tcp-handshake-incomplete/ack-lost", shows="an acknowledgement of the SYN-ACK that never gets through", made="{python} client → {nginx}, DROP of its ACKs on the router, captured at the server",
           expect="a SYN and repeated SYN-ACKs, no ACK", verdict="tcp-handshake-incomplete stage=syn-ack actor=client cause=-", sees=("tcp.flags==0x12 && tcp.analysis.retransmission",))
def _(lab):
    lab.nginx()
    lab.firewall("r", "FORWARD", "-p", "tcp", "--dport", "8443", "!", "--syn", "-j", "DROP")
    with lab.capture(end="s", interface="s0"):
        lab.client("silent")


# Something else answers.

for name, line, words in (("smtp", "220 mail.example ESMTP Postfix", "an SMTP greeting"), ("ftp", "220 (vsFTPd 3.0.5)", "an FTP greeting")):
    def greeted(lab, line=line):
        lab.peer("s", "greet", 8443, line)
        with lab.capture():
            ask(lab, "java", "1.3")

    situation(f"not-tls/{name}-java", shows=f"{words} where TLS is expected", made="HttpsURLConnection of {java} → {python} listener", expect=f"{words} before or after the ClientHello",
              verdict="not-tls stage=client-hello actor=server cause=-", sees=(FROM_SERVER + ' && tcp.payload contains "220 "',))(greeted)

for client in ("java", "rustls", "openssl", "wget"):
    def plain_http(lab, client=client):
        lab.nginx(tls="")
        with lab.capture():
            ask(lab, client, "1.3", **hosts(client == "openssl"))

    situation(f"not-tls/http-{client}" + ("-ipv6" if client == "openssl" else ""), shows="TLS spoken to a plain HTTP server", made=f"{CLIENTS[client]} → {{nginx}} without TLS on 8443", expect="a ClientHello answered by HTTP/1.1 400 in clear",
              verdict="not-tls stage=client-hello actor=server cause=-", sees=('tcp.srcport==8443 && tcp.payload contains "HTTP/1.1 400"',))(plain_http)

for server, version in (("openssl", "1.3"), ("java", "1.3"), ("rustls", "1.3"), ("python", "1.2")):
    def http_to_tls(lab, server=server, version=version):
        serve(lab, server, version)
        with lab.capture():
            lab.curl(url=f"http://{SERVER}:8443/licences", limit=4)

    situation(f"not-tls/client-speaks-http-{server}", shows="plain HTTP spoken to the TLS port", made=f"{{curl}} http:// → {server}", expect="a GET in clear, and whatever the TLS server makes of it",
              verdict="not-tls stage=tcp-established actor=client cause=-", sees=('tcp.payload contains "GET /"',))(http_to_tls)


@situation("proxy-refused/502", shows="a proxy that answers CONNECT with 502", made="{java} → {python} proxy", expect="CONNECT, 502, the end",
           verdict="proxy-refused stage=tcp-established actor=server cause=502", sees=("http.response.code==502",), never=(HELLO,))
def _(lab):
    lab.peer("s", "proxy", 3128, "502")
    with lab.capture():
        lab.run("c", "java", f"-Dhttps.proxyHost={SERVER}", "-Dhttps.proxyPort=3128", "-cp", lab.keys, "HttpsGet", "https://203.0.113.20:8443/licences", "TLSv1.3")


@situation("proxy-refused/407-ipv6", shows="a proxy that wants credentials, over IPv6", made="{curl} -x → {python} proxy", expect="CONNECT, 407, the end",
           verdict="proxy-refused stage=tcp-established actor=server cause=407", sees=("ipv6 && http.response.code==407",), never=(HELLO,))
def _(lab):
    lab.peer("s", "proxy", 3128, "407")
    with lab.capture():
        lab.curl("-x", f"http://[{SERVER6}]:3128", url="https://203.0.113.20:8443/licences")


@situation("healthy/proxy-java", shows="Java's TLS through a proxy's CONNECT", made="{java} → {python} proxy → {nginx}", expect="CONNECT, 200, and then a healthy TLS connection", verdict=OK, sees=("http.response.code==200",))
def _(lab):
    lab.nginx()
    lab.peer("s", "proxy", 3128, "200")
    with lab.capture():
        lab.run("c", "java", f"-Dhttps.proxyHost={SERVER}", "-Dhttps.proxyPort=3128", "-cp", lab.keys, "HttpsGet", f"https://{SERVER}:8443/licences", "TLSv1.3", f"{lab.keys}/ca.pem")


@situation("no-server-hello/behind-proxy", shows="a tunnel that is open, and a server behind it that says nothing", made="{curl} -x → {python} proxy → {python} listener", expect="CONNECT, 200, a ClientHello that is acknowledged, silence",
           verdict="no-server-hello stage=client-hello actor=server cause=-", sees=("http.response.code==200",))
def _(lab):
    lab.peer("s", "hang", 8443)
    lab.peer("s", "proxy", 3128, "200")
    with lab.capture():
        lab.curl("-x", f"http://{SERVER}:3128", limit=5)


@situation("no-response/proxy", shows="a proxy that does not answer CONNECT", made="{curl} -x → {python} listener", expect="CONNECT, acknowledged, silence",
           verdict="no-response stage=tcp-established actor=server cause=-", sees=("http.request.method==CONNECT",))
def _(lab):
    lab.peer("s", "hang", 3128)
    with lab.capture():
        lab.curl("-x", f"http://{SERVER}:3128", limit=5)
