#!/usr/bin/env bash
# Builds the Debian package, and prints where it is.
#
# On a Debian or Ubuntu with Rust, cargo-deb (cargo install --locked cargo-deb) and: build-essential libpcap-dev dpkg-dev
# python3. The package contains its bill of materials (CycloneDX) and the licences of all that is linked into the program.
set -euo pipefail
# Standard output is for the path of what was built.
exec 3>&1 1>&2
cd "$(dirname "$0")/../.."

work=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
cargo build --release --locked
made="$work/release/package"
rm -rf "$made"
mkdir -p "$made/man"
"$work/release/ssmscope" man --to "$made/man"
gzip --no-name -9 "$made"/man/*.1
for shell in bash zsh fish; do
    "$work/release/ssmscope" completions "$shell" > "$made/$shell"
done
docs/packaging/bill-of-materials.py "$made"
cargo deb --no-build --locked --quiet --output "$work/debian/"
ls -t "$work"/debian/ssmscope_*.deb | head -n 1 >&3
