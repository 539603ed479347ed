#!/usr/bin/env bash
# Builds ssmscope as one file that needs neither libpcap nor a C library where it runs, and prints where it is. Next to it
# are its bill of materials, ssmscope.cdx.json (CycloneDX), and the licences of all that is linked into it, THIRD-PARTY-NOTICES.
#
# On a Debian or Ubuntu with Rust and: build-essential flex bison dpkg-dev python3. libpcap is built from the distribution's own
# source package, without D-Bus, RDMA and what else would need further libraries; apt checks its signature.
#
# Two builds of the same sources with the same compiler, C compiler and libpcap are the same byte for byte, wherever their folders are:
# no path, user, time or locale gets into the binary. .ci/reproducible builds twice and compares.
set -euo pipefail
# What a tool writes as the current time, or sorts by the locale.
SOURCE_DATE_EPOCH=$(git -C "$(dirname "$0")" log -1 --format=%ct 2>/dev/null || echo 0)
export SOURCE_DATE_EPOCH LC_ALL=C TZ=UTC
# Standard output is for the path of what was built.
exec 3>&1 1>&2
cd "$(dirname "$0")/../.."

work=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/static
host=$(rustc -vV | sed -n 's/^host: //p')
mkdir -p "$work"

# Folders under names that are the same everywhere. Of two prefixes that fit, the last one counts, so the folder of the sources comes
# before the build's, which may be inside of it.
crates=${CARGO_HOME:-$HOME/.cargo}
remapped=()
mapped=()
for pair in "$(rustc --print sysroot)=/rust" "$crates=/cargo" "$PWD=/ssmscope" "$work=/build"; do
    remapped+=("--remap-path-prefix=$pair")
    mapped+=("-ffile-prefix-map=$pair")
done

if [ ! -f "$work/lib/libpcap.a" ]; then
    mkdir -p "$work/apt/parts" "$work/apt/lists/partial" "$work/lib"
    # The distribution's archives once more, for sources; lists of their own leave the system's as they are.
    for sources in /etc/apt/sources.list.d/{debian,ubuntu}.sources; do
        if [ -f "$sources" ]; then
            sed 's/^Types:.*/Types: deb-src/' "$sources" > "$work/apt/parts/$(basename "$sources")"
        fi
    done
    if [ -f /etc/apt/sources.list ]; then
        sed -n 's/^deb /deb-src /p' /etc/apt/sources.list > "$work/apt/parts/list.list"
    fi
    apt=(-o "Dir::Etc::sourcelist=/dev/null" -o "Dir::Etc::sourceparts=$work/apt/parts" -o "Dir::State::lists=$work/apt/lists"
        -o "APT::Sandbox::User=root" -qq)
    apt-get "${apt[@]}" update
    rm -rf "$work/source"
    mkdir "$work/source"
    (cd "$work/source" && apt-get "${apt[@]}" source libpcap)
    (
        cd "$work"/source/libpcap-*/
        CFLAGS="-O2 ${mapped[*]}" ./configure --quiet --disable-shared --disable-dbus --disable-rdma --disable-bluetooth --disable-usb \
            --disable-remote --without-libnl --without-dag --without-snf --without-dpdk
        make --quiet libpcap.a
        sed 's/^\([0-9]*\.[0-9]*\.[0-9]*\).*/\1/' VERSION > "$work/lib/VERSION"
        cp libpcap.a "$work/lib/"
    )
fi

# With --target, build scripts and procedural macros are not made static, which they can't be. The build id is a hash of the content.
LIBPCAP_LIBDIR="$work/lib" LIBPCAP_VER=$(cat "$work/lib/VERSION") CFLAGS="${mapped[*]}" \
    RUSTFLAGS="-C target-feature=+crt-static -C strip=symbols -C link-arg=-Wl,--build-id=sha1 ${remapped[*]}" \
    cargo build --release --locked --target "$host" --target-dir "$work/build"
cp "$work/build/$host/release/ssmscope" "$work/ssmscope"
docs/packaging/bill-of-materials.py "$work" \
    --linked libpcap "$(cat "$work/lib/VERSION")" BSD-3-Clause "$(ls "$work"/source/libpcap-*/LICENSE)" \
    --linked glibc "$(getconf GNU_LIBC_VERSION | cut -d' ' -f2)" LGPL-2.1-or-later
echo "$work/ssmscope" >&3
