"""Client, router and server in three network namespaces, and what can be done in them."""

import contextlib
import ipaddress
import itertools
import json
import os
import pathlib
import shutil
import signal
import subprocess
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
TESTDATA = HERE.parent.parent
SERVER, SERVER6 = "198.51.100.20", "2001:db8:2::20"
FILTER = "tcp or icmp or (icmp6 and ip6[40] < 128)"
RUSTLS_PEER = TESTDATA.parent / "target/rustls-peer/release/rustls-peer"
NUMBERS = itertools.count()
INTO = [TESTDATA]
ONE_AT_A_TIME = threading.Lock()

SETUP = """
ip netns add {c} && ip netns add {r} && ip netns add {s}
ip -n {c} link add c0 address 02:00:00:00:01:10 type veth peer name rc address 02:00:00:00:01:01 netns {r}
ip -n {s} link add s0 address 02:00:00:00:02:20 type veth peer name rs address 02:00:00:00:02:01 netns {r}
ip netns exec {c} sysctl -qw net.ipv4.ip_local_port_range="50000 50999" net.ipv6.conf.c0.accept_ra=0
ip netns exec {r} sysctl -qw net.ipv4.ip_forward={forward} net.ipv6.conf.all.forwarding={forward} net.ipv4.icmp_ratelimit=0
ip -n {c} addr add 192.0.2.10/24 dev c0; ip -n {c} addr add 2001:db8:1::10/64 dev c0 nodad
ip -n {r} addr add 192.0.2.1/24 dev rc; ip -n {r} addr add 2001:db8:1::1/64 dev rc nodad
ip -n {r} addr add 198.51.100.1/24 dev rs; ip -n {r} addr add 2001:db8:2::1/64 dev rs nodad
ip -n {s} addr add 198.51.100.20/24 dev s0; ip -n {s} addr add 2001:db8:2::20/64 dev s0 nodad
ip netns exec {c} python3 {here}/offload.py c0
ip netns exec {r} python3 {here}/offload.py rc
ip netns exec {r} python3 {here}/offload.py rs
ip netns exec {s} python3 {here}/offload.py s0 checksum
ip -n {c} link set lo up; ip -n {c} link set c0 up
ip -n {r} link set lo up; ip -n {r} link set rc up; ip -n {r} link set rs up
ip -n {s} link set lo up; ip -n {s} link set s0 up
ip -n {c} route add default via 192.0.2.1; ip -n {c} route add default via 2001:db8:1::1
ip -n {s} route add default via 198.51.100.1; ip -n {s} route add default via 2001:db8:2::1
"""
TUNNEL = """
ip -n {r} link add t0 mtu 2000 address 02:00:00:00:03:01 type veth peer name t1 mtu 2000 address 02:00:00:00:03:02
ip netns exec {r} sysctl -qw net.ipv6.conf.t0.disable_ipv6=1 net.ipv6.conf.t1.disable_ipv6=1
ip -n {r} link set t0 up; ip -n {r} link set t1 up
"""
NGINX = """
daemon off; master_process off; pid {work}/nginx.pid; error_log {work}/nginx.log;
events {{ worker_connections 64; }}
http {{
  access_log off; keepalive_timeout 30s; {paths}
  server {{
    listen {port} {tls}; listen [::]:{port} {tls};
    {certificate}
    location / {{ root {files}; try_files $uri =404; default_type application/json; }}
  }}
}}
"""


def recorded(capture):
    """A capture that another is made from: this run's, or the one in testdata."""
    ours = INTO[0] / capture
    return ours if ours.exists() else TESTDATA / capture


class Lab:
    """One set of namespaces; everything in it ends with the `with` block."""

    def __init__(self, keys, folder, forward=True):
        number = f"{os.getpid()}n{next(NUMBERS)}"
        self.names = {end: f"rec{number}{end}" for end in "crs"}
        self.keys, self.folder, self.forward = keys, folder, forward
        self.processes = []

    def __enter__(self):
        self.work = pathlib.Path(self.keys) / self.names["c"]
        self.work.mkdir()
        with ONE_AT_A_TIME:
            self.shell(SETUP.format(**self.names, here=HERE, forward=int(self.forward)))
        time.sleep(0.3)
        # One exchange of ARP and NDP before anything is recorded.
        if self.forward:
            self.run("c", "ping", "-c1", "-W2", SERVER)
            self.run("c", "ping", "-c1", "-W2", SERVER6)
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            self.end(process)
        for name in self.names.values():
            subprocess.run(["ip", "netns", "del", name], stderr=subprocess.DEVNULL, check=False)

    def shell(self, text):
        subprocess.run(["sh", "-ec", text], check=True)

    def run(self, end, *command, limit=30, text=None):
        """Runs to the end, at most `limit` seconds; what it says is nobody's concern, the capture tells."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return subprocess.run(["ip", "netns", "exec", self.names[end], *map(str, command)], timeout=limit, check=False,
                                  capture_output=True, input=text)

    def start(self, end, *command, ready=None, stream="stdout"):
        """Starts a process, and waits up to 10 s for the line that holds `ready`."""
        process = subprocess.Popen(["ip", "netns", "exec", self.names[end], *map(str, command)], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE if stream == "stdout" else subprocess.DEVNULL,
                                   stderr=subprocess.PIPE if stream == "stderr" else subprocess.DEVNULL)
        self.processes.append(process)
        if ready:
            self.until(process, ready, stream)
        return process

    def until(self, process, word, stream="stdout"):
        watch = threading.Timer(10, process.kill)
        watch.start()
        for line in getattr(process, stream):
            if word.encode() in line:
                watch.cancel()
                return
        watch.cancel()
        raise RuntimeError(f"{self.folder.name}: {process.args[4:]} never said {word}")

    def end(self, process, how=signal.SIGTERM):
        if process.poll() is None:
            process.send_signal(how)
            try:
                process.wait(3)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    # Peers.

    def peer(self, end, *role, ready="ready"):
        return self.start(end, "python3", HERE / "peers.py", *role, ready=ready)

    def client(self, *role, limit=30):
        self.run("c", "python3", HERE / "peers.py", *role, limit=limit)

    def nginx(self, more="", port=8443, tls="ssl", certificate="server.pem"):
        paths = " ".join(f"{kind}_temp_path {self.work};" for kind in
                         ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        lines = f"ssl_certificate {self.keys}/{certificate}; ssl_certificate_key {self.keys}/{certificate};" if tls else ""
        if tls and "ssl_protocols" not in more:
            lines += "ssl_protocols TLSv1.2 TLSv1.3;"
        (self.work / "nginx.conf").write_text(NGINX.format(
            work=self.work, paths=paths, port=port, tls=tls, files=self.keys, certificate=lines + more))
        process = self.start("s", "nginx", "-c", self.work / "nginx.conf", "-p", self.work)
        self.listening(port)
        return process

    def openssl(self, *options, certificate="server.pem", port=8443):
        self.start("s", "openssl", "s_server", "-accept", port, "-www", "-cert", f"{self.keys}/{certificate}", *options)
        self.listening(port)

    def listening(self, port):
        for _ in range(100):
            if f":{port} ".encode() in self.run("s", "ss", "-Hltn").stdout:
                return
            time.sleep(0.05)
        raise RuntimeError(f"{self.folder.name}: nobody listens on {port}")

    def curl(self, *options, url=f"https://{SERVER}:8443/licences", limit=12):
        trust = () if "no-trust" in options else ("--cacert", f"{self.keys}/ca.pem")
        options = [option for option in options if option != "no-trust"]
        self.run("c", "curl", "-s", "--max-time", limit, "--noproxy", "" if "-x" in options else "*", *trust, *options, url,
                 limit=limit + 5)

    def java(self, protocol, *trust):
        self.run("c", "java", "-XX:TieredStopAtLevel=1", "-cp", self.keys, "HttpsGet", f"https://{SERVER}:8443/licences", protocol, *trust)

    # Faults.

    def firewall(self, end, *rule, six=False):
        self.run(end, "ip6tables" if six else "iptables", "-w", "-I", *rule)

    def wire(self, **options):
        if "encapsulate" in options:
            self.shell(TUNNEL.format(**self.names))
        self.start("r", "python3", HERE / "wire.py", json.dumps(options), ready="ready")
        self.run("c", "ping", "-c1", "-W1", "192.0.2.1")
        self.run("s", "ping", "-c1", "-W1", "198.51.100.1")
        self.run("c", "ping", "-c1", "-W1", "2001:db8:1::1")
        self.run("s", "ping", "-c1", "-W1", "2001:db8:2::1")

    @contextlib.contextmanager
    def capture(self, *options, end="c", interface="c0", only=FILTER):
        process = self.start(end, "tcpdump", "-Z", "root", "-p", "-U", "--immediate-mode", "-i", interface, "-w", self.folder / "capture.pcap",
                             *options, only, ready="listening on", stream="stderr")
        drain = threading.Thread(target=process.stderr.read, daemon=True)
        drain.start()
        yield
        time.sleep(0.4)
        self.end(process, signal.SIGINT)

    # After the capture.

    def tool(self, *command):
        subprocess.run(list(map(str, command)), check=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def as_pcapng(self):
        self.tool("editcap", "-F", "pcapng", self.folder / "capture.pcap", self.folder / "capture.pcapng")
        (self.folder / "capture.pcap").unlink()

    def keep(self, *packets):
        whole = self.work / "whole.pcap"
        shutil.move(self.folder / "capture.pcap", whole)
        self.tool("editcap", "-F", "pcap", "-r", whole, self.folder / "capture.pcap", *packets)


def make_keys(folder):
    """A certificate authority, a server certificate, and one with a chain too long for two segments. For these tests only."""
    names = f"subjectAltName=DNS:ssm.example,IP:{SERVER},IP:{ipaddress.ip_address(SERVER6).exploded}"
    script = f"""
    cd {folder}
    openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -keyout ca.key -out ca.pem -subj "/O=ssmscope test/CN=Test CA"
    openssl req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj "/O=ssmscope test/CN=ssm.example"
    echo "{names}" > names
    openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 3650 -extfile names -out server.crt
    cat server.crt server.key > server.pem
    cat server.crt ca.pem ca.pem ca.pem server.key > long.pem
    openssl pkcs12 -export -in server.pem -out server.p12 -passout pass:password
    openssl req -newkey rsa:2048 -nodes -keyout client.key -out client.csr -subj "/O=ssmscope test/CN=vmanage.example"
    echo "extendedKeyUsage=clientAuth" > usage
    openssl x509 -req -in client.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 3650 -extfile usage -out client.crt
    cat client.crt client.key > client.pem
    cat client.crt ca.pem ca.pem ca.pem client.key > client-long.pem
    openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -keyout stranger.key -out stranger.pem -subj "/O=ssmscope test/CN=Stranger"
    cat stranger.pem stranger.key > stranger-both.pem
    echo '{{"licences":[]}}' > licences
    head -c 15000 /dev/urandom | base64 -w0 > download
    """
    subprocess.run(["sh", "-ec", script], check=True, stderr=subprocess.DEVNULL)
    subprocess.run(["javac", "-d", str(folder), *map(str, HERE.glob("*.java"))], check=True)
    subprocess.run(["cargo", "build", "--quiet", "--release", "--locked", "--manifest-path", str(HERE / "rustls-peer/Cargo.toml"),
                    "--target-dir", str(RUSTLS_PEER.parent.parent)], check=True)
