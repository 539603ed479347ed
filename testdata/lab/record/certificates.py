"""Situations in which the server's certificates matter: what a client refuses, and what it accepts. All in TLS 1.2, which shows them."""

import shutil
import subprocess

from lab import SERVER
from situations import DATA, HELLO, OK, situation

CERTIFICATE = "tls.handshake.type==11"
BY_NAME = ("--resolve", f"ssm.example:8443:{SERVER}")
URL = "https://ssm.example:8443/licences"
REFUSED = "tls-alert stage=server-flight-complete actor=client cause="

CONFIG = """
[ca]
default_ca = authority
[authority]
database = issued
new_certs_dir = .
serial = numbers
policy = any
default_md = sha256
unique_subject = no
[any]
organizationName = optional
commonName = supplied
"""


def make_keys(folder):
    """Certificates with something wrong, by the authority that lab.make_keys made, and one with an intermediate."""
    def issued(name, *options, names="names", key="server"):
        return f"""
        openssl ca -batch -config ca.cnf -cert ca.pem -keyfile ca.key -rand_serial -notext -in {key}.csr -extfile {names} -out {name}.crt {' '.join(options)}
        cat {name}.crt {key}.key > {name}.pem"""

    script = f"""
    cd {folder}
    cat > ca.cnf <<'END'{CONFIG}END
    touch issued numbers
    echo "subjectAltName=DNS:other.example,DNS:*.other.example" > other-names
    printf 'basicConstraints=critical,CA:TRUE\\nkeyUsage=critical,keyCertSign\\n' > may-sign
    {issued("expired", "-startdate 20240101000000Z -enddate 20250601120000Z")}
    {issued("not-yet-valid", "-startdate 20400101000000Z -enddate 20410101000000Z")}
    {issued("other-name", "-days 3650", names="other-names")}
    openssl req -newkey rsa:1024 -nodes -keyout weak.key -out weak.csr -subj "/O=ssmscope test/CN=ssm.example"
    {issued("weak", "-days 3650 -md sha1", key="weak")}
    openssl req -x509 -key server.key -days 3650 -out self-signed.crt -subj "/O=ssmscope test/CN=ssm.example" -addext "$(cat names)"
    cat self-signed.crt server.key > self-signed.pem
    openssl req -newkey rsa:2048 -nodes -keyout intermediate.key -out intermediate.csr -subj "/O=ssmscope test/CN=Test Intermediate"
    {issued("intermediate", "-days 3650", names="may-sign", key="intermediate")}
    openssl x509 -req -in server.csr -CA intermediate.crt -CAkey intermediate.key -CAcreateserial -days 3650 -extfile names -out last.crt
    cat last.crt server.key > without-intermediate.pem
    """
    subprocess.run(["sh", "-ec", script], check=True, stderr=subprocess.DEVNULL)


def served(certificate, client, *options):
    """A TLS 1.2 server with that certificate; the reader gets the authority that the client trusts."""
    def act(lab):
        lab.openssl("-tls1_2", *options, certificate=certificate)
        with lab.capture():
            client(lab)
        shutil.copy(f"{lab.keys}/ca.pem", lab.folder / "ca.pem")

    return act


def by_name(lab):
    lab.curl(*BY_NAME, url=URL)


def refused(name, certificate, alert, cause, *options, client=by_name, by="{curl}", **parts):
    situation(name, made=f"{by} → s_server of {{openssl}}, TLS 1.2", verdict=REFUSED + cause,
              sees=(CERTIFICATE, f"tls.alert_message.desc=={alert}"), **parts)(served(certificate, client, *options))


refused("tls-alert/expired", "expired.pem", 45, "certificate_expired", shows="a certificate that has expired",
        expect="a certificate valid until June 2025, and the client's alert certificate_expired")
refused("tls-alert/not-yet-valid", "not-yet-valid.pem", 42, "bad_certificate", shows="a certificate that is not valid yet",
        expect="a certificate valid from 2040, and the client's alert bad_certificate")
refused("tls-alert/name-mismatch", "other-name.pem", 46, "certificate_unknown", shows="a certificate for another name, refused by Java",
        client=lambda lab: lab.java("TLSv1.2", f"{lab.keys}/ca.pem"), by="HttpsURLConnection of {java}",
        expect="no SNI, a certificate for other.example, and the client's alert certificate_unknown")
refused("tls-alert/self-signed", "self-signed.pem", 48, "unknown_ca", shows="a certificate that signed itself",
        expect="a certificate whose subject is its issuer, and the client's alert unknown_ca")
refused("tls-alert/missing-intermediate", "without-intermediate.pem", 48, "unknown_ca", shows="a server that does not send its intermediate certificate",
        expect="one certificate, by an authority that is not the client's, and the client's alert unknown_ca")
refused("tls-alert/weak-certificate", "weak.pem", 42, "bad_certificate", "-cipher", "DEFAULT:@SECLEVEL=0", shows="a certificate with an RSA key of 1024 bits, signed over SHA-1",
        expect="that certificate, and the client's alert bad_certificate")
# libcurl compares names itself, after the handshake.
situation("healthy/name-mismatch", shows="a certificate for another name, at which curl closes after the handshake", made="{curl} → s_server of {openssl}, TLS 1.2",
          expect="a complete handshake, and then the client's end without a request", verdict="healthy stage=tls-established actor=unknown cause=-",
          sees=(HELLO, CERTIFICATE), never=(DATA,))(served("other-name.pem", by_name))


def with_intermediate(lab):
    # s_server sends only the first certificate of -cert.
    served("without-intermediate.pem", by_name, "-cert_chain", f"{lab.keys}/intermediate.crt")(lab)


situation("healthy/intermediate", shows="a chain with an intermediate certificate that the client accepts", made="{curl} → s_server of {openssl}, TLS 1.2",
          expect="two certificates, the second of which the client's authority signed, then request and answer", verdict=OK,
          sees=(HELLO, CERTIFICATE, DATA))(with_intermediate)
