"""What stands in front of TLS beside CONNECT: SOCKS proxies, and servers that are asked to start TLS."""

from lab import SERVER
from situations import DATA, HELLO, OK, situation

TARGET = "https://203.0.113.20:8443/licences"


@situation("healthy/socks5", shows="TLS through a SOCKS5 proxy that wants a user name and password", made="{curl} -x socks5 → {python} proxy → {nginx}",
           expect="greeting, login, request, reply 0, and then a healthy TLS connection", verdict=OK, sees=("socks.username", HELLO, DATA))
def _(lab):
    lab.nginx()
    lab.peer("s", "socks", 1080, "0")
    with lab.capture():
        lab.curl("-x", f"socks5://operator:secret@{SERVER}:1080")


def socks_refuses(scheme, reply):
    def act(lab):
        lab.peer("s", "socks", 1080, reply)
        with lab.capture():
            lab.curl("-x", f"{scheme}://{SERVER}:1080", url=TARGET)

    return act


for scheme, reply, meaning in (("socks5", "5", "connection refused by the target"), ("socks4", "91", "rejected or failed")):
    situation(f"proxy-refused/{scheme}", shows=f"a {scheme.upper()} proxy that opens no tunnel: {meaning}", made=f"{{curl}} -x {scheme} → {{python}} proxy",
              expect=f"the request, reply {reply}, the end", verdict=f"proxy-refused stage=tcp-established actor=path cause=socks-{reply}",
              sees=("tcp.srcport==1080 && tcp.len>0",), never=(HELLO,))(socks_refuses(scheme, reply))


def mail(lab, *certificate):
    lab.peer("s", "mail", 2525, *certificate)
    with lab.capture():
        lab.curl("--ssl-reqd", url=f"smtp://{SERVER}:2525/ssm.example")


@situation("healthy/starttls", shows="TLS that begins with SMTP's STARTTLS", made="{curl} smtp:// --ssl-reqd → {python} SMTP server",
           expect="220, EHLO, STARTTLS, 220, and then a healthy TLS connection", verdict=OK, sees=('tcp.payload contains "STARTTLS"', "tcp.payload contains 16:03:01"))
def _(lab):
    mail(lab, f"{lab.keys}/server.pem")


@situation("plaintext/starttls-refused", shows="an SMTP server that refuses STARTTLS", made="{curl} smtp:// --ssl-reqd → {python} SMTP server",
           expect="STARTTLS, 454, the end", verdict="plaintext stage=tcp-established actor=unknown cause=-",
           sees=('tcp.srcport==2525 && tcp.payload contains "454"',), never=("tcp.payload contains 16:03:01",))
def _(lab):
    mail(lab)
