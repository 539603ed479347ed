#!/bin/sh
# Makes the certificates of this folder anew: of each only what the tests in ../tests.rs need. Their keys are thrown away.
set -eu
samples=$(cd "$(dirname "$0")" && pwd)
cd "$(mktemp -d)"
cat > ca.cnf <<END
[ca]
default_ca = authority
[authority]
database = issued
serial = numbers
new_certs_dir = .
policy = any
default_md = sha256
unique_subject = no
[any]
organizationName = optional
commonName = supplied
END
touch issued numbers
echo "subjectAltName=DNS:ssm.example,DNS:*.ssm.example,IP:192.0.2.20" > names
printf 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n' > may-sign
request() { # FILE SUBJECT KEY...
    file=$1 subject=$2; shift 2
    openssl req -newkey "$@" -nodes -keyout "$file.key" -out "$file.csr" -subj "/O=Test/CN=$subject"
}
issue() { # NAME REQUEST ISSUER FROM UNTIL EXTENSIONS OPTIONS...
    name=$1 request=$2 issuer=$3 from=$4 until=$5 extensions=$6; shift 6
    openssl ca -batch -config ca.cnf -cert "$issuer.pem" -keyfile "$issuer.key" -rand_serial -notext -in "$request.csr" \
        -startdate "$from" -enddate "$until" ${extensions:+-extfile "$extensions"} -out "$name.pem" "$@"
}
ec="ec -pkeyopt ec_paramgen_curve:P-256"
request authority Authority $ec
request intermediate Intermediate $ec
request server ssm.example $ec
request weak weak.example rsa:1024
openssl ca -batch -config ca.cnf -selfsign -keyfile authority.key -in authority.csr -rand_serial -notext -extfile may-sign \
    -startdate 20000101000000Z -enddate 99991231235959Z -out authority.pem
openssl ca -batch -config ca.cnf -selfsign -keyfile server.key -in server.csr -rand_serial -notext -extfile names \
    -startdate 20200101000000Z -enddate 20300101000000Z -out self-signed.pem
issue intermediate intermediate authority 20200101000000Z 20250101000000Z may-sign
issue server server intermediate 20200101000000Z 20300101000000Z names
issue nameless server authority 20200101000000Z 20300101000000Z ""
issue weak weak authority 20200101000000Z 20300101000000Z names -md sha1
for name in authority intermediate server nameless weak self-signed; do cp "$name.pem" "$samples"; done
