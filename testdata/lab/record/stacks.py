"""The TLS stacks by one interface: a server of each, and a client of each that asks once."""

import time

from lab import RUSTLS_PEER, SERVER

REQUEST = b"GET /licences HTTP/1.1\r\nHost: ssm.example\r\nConnection: close\r\n\r\n"
# What README.md calls them.
CLIENTS = {"curl": "{curl}", "openssl": "s_client of {openssl}", "java": "HttpsURLConnection of {java}", "python": "ssl of {python}",
           "wget": "{wget} with GnuTLS", "rustls": "{rustls}"}
SERVERS = {"nginx": "{nginx}", "openssl": "s_server of {openssl}", "java": "SSLServerSocket of {java}", "python": "ssl of {python}",
           "rustls": "{rustls}"}


def serve(lab, stack, version, *options):
    """Starts a server on 8443 that speaks `version` only. The options are the stack's own."""
    pem = f"{lab.keys}/server.pem"
    if stack == "nginx":
        return lab.nginx(f"ssl_protocols TLSv{version}; " + " ".join(options))
    if stack == "openssl":
        return lab.openssl("-tls" + version.replace(".", "_"), *options)
    if stack == "java":
        return lab.start("s", "java", "-XX:TieredStopAtLevel=1", "-cp", lab.keys, "HttpsServe", 8443, f"{lab.keys}/server.p12",
                         f"TLSv{version}", *options, ready="ready")
    if stack == "python":
        return lab.peer("s", "tls_serve", 8443, pem, version, *options)
    return lab.start("s", RUSTLS_PEER, "server", 8443, pem, version, *options, ready="ready")


def ask(lab, stack, version="1.3", *options, trusts=True, host=SERVER):
    """Sends one request to 8443 by `version` only, for the name ssm.example, and reads the answer."""
    place = f"[{host}]:8443" if ":" in host else f"{host}:8443"
    ca = f"{lab.keys}/{'ca' if trusts else 'stranger'}.pem"
    number = version.replace(".", "_")
    url = "https://ssm.example:8443/licences"
    if stack == "curl":
        lab.curl("--resolve", f"ssm.example:8443:{place[:-5]}", f"--tlsv{version}", "--tls-max", version, *options,
                 *(() if trusts else ("no-trust",)), url=url)
    elif stack == "openssl":
        lab.run("c", "openssl", "s_client", "-connect", place, "-servername", "ssm.example", "-tls" + number, "-CAfile", ca,
                "-verify_return_error", "-quiet", *options, text=REQUEST)
    elif stack == "java":
        lab.run("c", "java", "-XX:TieredStopAtLevel=1", "-cp", lab.keys, "HttpsGet", f"https://{place}/licences", f"TLSv{version}",
                *((ca,) if trusts else ()), *options)
    elif stack == "python":
        lab.client("fetch", host, version, ca, *options)
    elif stack == "wget":
        with open(lab.work / "hosts", "w", encoding="ascii") as hosts:
            hosts.write(f"{host} ssm.example\n")
        lab.run("c", "unshare", "-m", "sh", "-c", f"mount --bind {lab.work}/hosts /etc/hosts && exec \"$@\"", "sh",
                "wget", "-q", "-O", "/dev/null", "--tries=1", "--timeout=6", f"--ca-certificate={ca}",
                f"--secure-protocol=TLSv{number}", *options, url)
    else:
        lab.run("c", RUSTLS_PEER, "client", place, "ssm.example", ca, version, *options)
    time.sleep(0.3)
