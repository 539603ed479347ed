"""The peers that curl, openssl and nginx cannot play: peers.py ROLE [ARGUMENT...], each role a function below.

Server roles listen on every address of the namespace and print `ready`. They serve until they are ended.
"""

import os
import signal
import socket
import ssl
import struct
import sys
import threading
import time

SERVER = "198.51.100.20"
REQUEST = b"GET /licences HTTP/1.1\r\nHost: ssm.example\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{\"licences\":[]}\n"
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def listening(port):
    listener = socket.create_server(("::", int(port)), family=socket.AF_INET6, dualstack_ipv6=True)
    print("ready", flush=True)
    return listener


def server_context(pem, version=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    if version == "1.2":
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


def client_context(version=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if version == "1.2":
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


def client_hello(version="1.2"):
    """The bytes of a ClientHello, for a client that goes no further by itself."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    machine = client_context(version).wrap_bio(incoming, outgoing, server_hostname="ssm.example")
    try:
        machine.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def read_until_blank_line(connection):
    text = b""
    while b"\r\n\r\n" not in text:
        more = connection.recv(4096)
        if not more:
            break
        text += more
    return text


# Servers.


def hang(port):
    """Accepts, reads, and never says a word."""
    listener, kept = listening(port), []
    while True:
        connection = listener.accept()[0]
        kept.append(connection)
        threading.Thread(target=read_until_blank_line, args=(connection,), daemon=True).start()


def reset(port):
    """Answers the first bytes with a RST."""
    connection = listening(port).accept()[0]
    connection.recv(4096)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    connection.close()
    time.sleep(60)


def close(port):
    """Answers the first bytes with a FIN."""
    connection = listening(port).accept()[0]
    connection.recv(4096)
    connection.close()
    time.sleep(60)


def banner(port):
    """Speaks first, as an SSH server does."""
    connection = listening(port).accept()[0]
    connection.sendall(b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n")
    connection.recv(4096)
    time.sleep(0.2)
    connection.close()
    time.sleep(60)


def proxy(port, status):
    """Answers CONNECT with `status`; with 200 joins the two ends."""
    listener = listening(port)
    while True:
        connection = listener.accept()[0]
        target = read_until_blank_line(connection).split()[1].decode()
        if status == "200":
            behind = socket.create_connection(target.rsplit(":", 1))
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            join(connection, behind)
        elif status == "407":
            connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n"
                               b"Proxy-Authenticate: Basic realm=\"proxy\"\r\nContent-Length: 0\r\n\r\n")
            connection.recv(4096)
        else:
            reason = {"403": b"403 Forbidden", "502": b"502 Bad Gateway"}[status]
            connection.sendall(b"HTTP/1.1 " + reason + b"\r\nContent-Length: 0\r\n\r\n")
            connection.recv(4096)
        connection.close()


def socks(port, reply):
    """A SOCKS4 and SOCKS5 proxy; it wants a user name and password of clients that offer them. With a reply of 0 or 90 it joins
    the two ends."""
    listener = listening(port)
    while True:
        connection = listener.accept()[0]
        if connection.recv(1) == b"\4":
            connection.recv(4096)
            connection.sendall(bytes([0, int(reply)]) + bytes(6))
        else:
            login = 2 in connection.recv(connection.recv(1)[0])
            connection.sendall(b"\5\2" if login else b"\5\0")
            if login:
                connection.recv(4096)
                connection.sendall(b"\1\0")
            request = connection.recv(4096)
            connection.sendall(bytes([5, int(reply), 0, 1]) + bytes(6))
            if reply == "0":
                target = socket.inet_ntoa(request[4:8]), int.from_bytes(request[8:10], "big")
                join(connection, socket.create_connection(target))
        connection.close()


def mail(port, pem=""):
    """An SMTP server; without a certificate it refuses STARTTLS."""
    connection = listening(port).accept()[0]
    connection.sendall(b"220 mail.example ESMTP\r\n")
    while line := connection.recv(4096).strip().upper():
        if line.startswith(b"EHLO"):
            connection.sendall(b"250-mail.example\r\n250 STARTTLS\r\n")
        elif line == b"STARTTLS" and pem:
            connection.sendall(b"220 2.0.0 Ready to start TLS\r\n")
            connection = server_context(pem).wrap_socket(connection, server_side=True)
        elif line == b"STARTTLS":
            connection.sendall(b"454 4.7.0 TLS not available\r\n")
        elif line == b"QUIT":
            connection.sendall(b"221 2.0.0 Bye\r\n")
        else:
            connection.sendall(b"250 2.0.0 Ok\r\n")
    connection.close()


def join(one, other):
    def pump(source, sink):
        while data := source.recv(4096):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)

    back = threading.Thread(target=pump, args=(other, one), daemon=True)
    back.start()
    pump(one, other)
    back.join()


def relay(port, behind_port, limit):
    """Passes on all that the client says, and of the server's bytes only `limit`, or (`flight`) its first flight."""
    connection = listening(port).accept()[0]
    behind = socket.create_connection(("127.0.0.1", int(behind_port)))
    behind.sendall(connection.recv(4096))
    if limit == "flight":
        time.sleep(0.3)
        connection.sendall(behind.recv(16384))
    else:
        time.sleep(0.3)
        connection.sendall(behind.recv(16384)[: int(limit)])
    while data := connection.recv(4096):
        behind.sendall(data)
    time.sleep(60)


def tls_silent(port, pem, version=None):
    """TLS, then nothing: the request is read and never answered."""
    connection = server_context(pem, version).wrap_socket(listening(port).accept()[0], server_side=True)
    connection.recv(4096)
    time.sleep(60)


def tls_hesitating(port, pem):
    """Takes 2.5 s before it answers the ClientHello."""
    connection = listening(port).accept()[0]
    time.sleep(2.5)
    connection = server_context(pem).wrap_socket(connection, server_side=True)
    read_until_blank_line(connection)
    connection.sendall(ANSWER)
    connection.recv(4096)
    connection.close()
    time.sleep(60)


def tls_late_close(port, pem):
    """Answers, and sends its close_notify when the client is gone already."""
    connection = server_context(pem, "1.2").wrap_socket(listening(port).accept()[0], server_side=True)
    read_until_blank_line(connection)
    connection.sendall(ANSWER)
    connection.recv(4096)
    time.sleep(0.1)
    try:
        connection.unwrap()
    except OSError:
        pass
    time.sleep(60)


def tls_chunks(port, pem, count, pause):
    """A download of `count` KiB, one each `pause` seconds, then the end."""
    context, listener = server_context(pem), listening(port)
    while True:
        connection = context.wrap_socket(listener.accept()[0], server_side=True)
        read_until_blank_line(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % (int(count) * 1024))
        for _ in range(int(count)):
            connection.sendall(os.urandom(512).hex().encode())
            time.sleep(float(pause))
        connection.close()


def tls_forgetting(port, pem):
    """Shakes hands, and at SIGUSR1 forgets the connection; what the kernel would say of it must be dropped outside."""
    connection = server_context(pem).wrap_socket(listening(port).accept()[0], server_side=True)
    signal.signal(signal.SIGUSR1, lambda *_: None)
    print("shaken", flush=True)
    signal.pause()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    connection.close()
    print("forgotten", flush=True)
    time.sleep(60)


def end(connection, how):
    """Ends by a RST (`reset`) or a FIN (`close`), or not at all (`hang`)."""
    if how == "hang":
        time.sleep(60)
    if how == "reset":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    connection.close()


def accept_and(port, how):
    """Accepts, and ends it 0.2 s later with nothing said."""
    connection = listening(port).accept()[0]
    time.sleep(0.2)
    end(connection, how)
    time.sleep(60)


def greet(port, line):
    """Speaks first, with one line, and reads."""
    connection = listening(port).accept()[0]
    connection.sendall(line.encode() + b"\r\n")
    connection.recv(4096)
    time.sleep(0.2)
    connection.sendall(b"500 Syntax error\r\n")
    connection.recv(4096)
    connection.close()
    time.sleep(60)


def relay_until(port, behind_port, turns, limit, after, how):
    """Passes `turns` turns of each side, of the server's last one `limit` bytes; then, or after the client's `answer` to it, ends it."""
    connection = listening(port).accept()[0]
    behind = socket.create_connection(("127.0.0.1", int(behind_port)))
    for turn in range(int(turns)):
        behind.sendall(connection.recv(16384))
        time.sleep(0.25)
        answer = behind.recv(16384)
        connection.sendall(answer[: int(limit)] if turn == int(turns) - 1 else answer)
    if after == "answer":
        connection.recv(16384)
    time.sleep(0.1)
    end(connection, how)
    time.sleep(60)


def tls_serve(port, pem, version, *options):
    """Answers one request after the other; `clients` asks for client certificates, `ciphers=LIST` limits
    the suites, `cut` ends with a bare FIN."""
    context, listener = server_context(pem, version), listening(port)
    if version == "1.3":
        context.minimum_version = ssl.TLSVersion.TLSv1_3
    for option in options:
        if option.startswith("clients="):
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(option.partition("=")[2])
        elif option.startswith("ciphers="):
            context.set_ciphers(option.partition("=")[2])
    while True:
        raw = listener.accept()[0]
        try:
            connection = context.wrap_socket(raw, server_side=True)
            read_until_blank_line(connection)
            connection.sendall(ANSWER)
            connection.settimeout(2)
            if "cut" in options:
                time.sleep(0.1)
                connection.shutdown(socket.SHUT_WR)
                connection.recv(4096)
            else:
                connection.recv(4096)
                connection.unwrap()
            connection.close()
        except OSError as error:
            print(error, flush=True)
            raw.close()


def tls_ending(port, pem, version, how):
    """Reads the request, and ends the connection instead of an answer: by a FIN after a close_notify (`notify`), or as `end` does."""
    connection = server_context(pem, version).wrap_socket(listening(port).accept()[0], server_side=True)
    read_until_blank_line(connection)
    time.sleep(0.1)
    if how == "notify":
        try:
            connection.settimeout(1)
            connection.unwrap()
        except OSError:
            pass
        how = "close"
    end(connection, how)
    time.sleep(60)


# Clients.


def connected(port="8443", source_port=0, receive_buffer=0):
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if receive_buffer:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    client.bind(("0.0.0.0", source_port))
    client.connect((SERVER, int(port)))
    return client


def silent():
    """Connects, says nothing for 5 s, closes."""
    client = connected()
    time.sleep(5)
    client.close()


def hello_then_close():
    """Sends a ClientHello, and closes a second later."""
    client = connected()
    client.sendall(client_hello())
    time.sleep(1)
    client.close()


def part_of_hello(bytes_sent, how):
    """Sends so many bytes of a ClientHello, and ends 0.3 s later, or says nothing for 5 s (`wait`)."""
    client = connected()
    client.sendall(client_hello()[: int(bytes_sent)])
    time.sleep(5 if how == "wait" else 0.3)
    end(client, "close" if how == "wait" else how)


def flight_then_reset():
    """Sends a ClientHello, reads the server's flight, resets."""
    client = connected()
    client.sendall(client_hello())
    time.sleep(0.3)
    client.recv(16384)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    client.close()


def idle_between():
    """Two requests on one connection, 4.5 s apart, with TCP keep-alives each second."""
    client = connected()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
    client = client_context().wrap_socket(client, server_hostname="ssm.example")
    client.sendall(REQUEST)
    client.recv(4096)
    time.sleep(4.5)
    client.sendall(REQUEST)
    client.recv(4096)
    client.unwrap().close()


def pausing():
    """Asks for a download, does not read for 4 s, then reads it."""
    client = client_context().wrap_socket(connected(receive_buffer=4096), server_hostname="ssm.example")
    client.sendall(REQUEST)
    time.sleep(4)
    while client.recv(4096):
        pass
    client.close()


def same_port_twice():
    """Two connections from port 50500, each ended by the server."""
    for _ in range(2):
        client = client_context().wrap_socket(connected(source_port=50500), server_hostname="ssm.example")
        client.sendall(REQUEST.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        while client.recv(4096):
            pass
        client.close()
        time.sleep(0.5)


def closing_at_once():
    """One request; closes as soon as it has the answer."""
    client = client_context("1.2").wrap_socket(connected(), server_hostname="ssm.example")
    client.sendall(REQUEST)
    client.recv(4096)
    try:
        client.settimeout(0)
        client.unwrap()
    except OSError:
        pass
    client.close()


def late_request(wait):
    """Shakes hands, and asks only after `wait` seconds."""
    client = client_context().wrap_socket(connected(), server_hostname="ssm.example")
    time.sleep(float(wait))
    client.sendall(REQUEST)
    try:
        client.recv(4096)
    except OSError as error:
        print(error)


def simultaneous(at, pem=""):
    """Both ends connect at the instant `at`; the one with a certificate then is the TLS server."""
    end = socket.socket()
    end.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    end.bind(("0.0.0.0", 8443 if pem else 50500))
    time.sleep(max(0, float(at) - time.time()))
    end.connect(("192.0.2.10", 50500) if pem else (SERVER, 8443))
    if pem:
        end = server_context(pem).wrap_socket(end, server_side=True)
        read_until_blank_line(end)
        end.sendall(ANSWER)
        end.recv(4096)
    else:
        end = client_context().wrap_socket(end, server_hostname="ssm.example")
        end.sendall(REQUEST)
        end.recv(4096)
    end.close()


def fetch(host, version, ca, *options):
    """One request and its answer. `cert=PEM` has a client certificate, `alpn=NAME` a protocol, `cut` ends with a bare FIN,
    `reset` with a RST right after the answer."""
    context = client_context(version)
    if version == "1.3":
        context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname, context.verify_mode = ca != "-", ssl.CERT_NONE if ca == "-" else ssl.CERT_REQUIRED
    if ca != "-":
        context.load_verify_locations(ca)
    for option in options:
        if option.startswith("cert="):
            context.load_cert_chain(option[5:])
        elif option.startswith("alpn="):
            context.set_alpn_protocols([option[5:]])
    raw = socket.create_connection((host, 8443))
    client = context.wrap_socket(raw, server_hostname="ssm.example")
    client.sendall(REQUEST)
    client.recv(4096)
    if "cut" in options:
        end(client, "close")
    elif "reset" in options:
        end(client, "reset")
    else:
        client.unwrap().close()


def cut(version, point, how):
    """Goes as far as `point` (tcp, hello, flight, finished, established) and ends it."""
    client = connected()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    machine = client_context(version).wrap_bio(incoming, outgoing, server_hostname="ssm.example")
    for step in ("tcp", "hello", "flight", "finished", "established"):
        if step == "flight":
            time.sleep(0.4)
            incoming.write(client.recv(16384))
        elif step in ("hello", "finished"):
            try:
                machine.do_handshake()
            except ssl.SSLWantReadError:
                pass
            client.sendall(outgoing.read())
        elif step == "established":
            incoming.write(client.recv(16384))
            machine.do_handshake()
        if step == point:
            break
    time.sleep(0.3)
    end(client, how)


def hesitating():
    """Takes 2.5 s before it answers the server's flight, then asks."""
    client = connected()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    machine = client_context("1.2").wrap_bio(incoming, outgoing, server_hostname="ssm.example")
    for pause in (2.5, 0):
        try:
            machine.do_handshake()
        except ssl.SSLWantReadError:
            pass
        client.sendall(outgoing.read())
        incoming.write(client.recv(16384))
        time.sleep(pause)
    machine.do_handshake()
    machine.write(REQUEST)
    client.sendall(outgoing.read())
    client.recv(4096)
    client.close()


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
