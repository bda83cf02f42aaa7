#!/bin/sh
# SPDX-License-Identifier: MIT
#
# setup.sh STAGE...: the Debian packages that a stage needs. Silent when nothing is missing.
# As root it shows the list and installs it; otherwise, or with THETIS_INSTALL=0, it prints the
# command and goes on: what cannot run is then skipped by name.
set -eu

packages()
{
    case $1 in
    build) echo gcc libc6-dev cmake ninja-build python3 liburing-dev ;;
    test) echo "$(packages demo)" g++ clang pkg-config spin valgrind ;;
    sanitize) echo "$(packages test)" libclang-rt-14-dev ;;
    fuzz) echo "$(packages build)" clang libclang-rt-14-dev ;;
    coverage) echo "$(packages build)" ;;
    emu) echo "$(packages build)" gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user \
        gcc-i686-linux-gnu libc6-dev-i386-cross gcc-arm-linux-gnueabihf libc6-dev-armhf-cross \
        gcc-riscv64-linux-gnu libc6-dev-riscv64-cross gcc-s390x-linux-gnu libc6-dev-s390x-cross ;;
    cross) echo "$(packages build)" gcc-arm-none-eabi gcc-riscv64-unknown-elf llvm ;;
    docs) echo doxygen ;;
    demo) echo "$(packages build)" nginx-light wrk redis-server redis-tools ;;
    bench) echo "$(packages build)" g++ pkg-config libuv1-dev libev-dev libevent-dev libasio-dev \
        libboost-dev libck-dev libdpdk-dev liburcu-dev libconcurrentqueue-dev libtbb-dev \
        libcds-dev valgrind python3-matplotlib ;;
    *)
        echo "setup.sh: no stage '$1'" >&2
        echo "(build test sanitize fuzz coverage cross emu docs demo bench)" >&2
        exit 2
        ;;
    esac
}

missing()
{
    wanted=$(printf '%s\n' "$@" | sort -u)
    # shellcheck disable=SC2086
    present=$(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' $wanted 2>/dev/null |
        sed -n 's/^.i  *//p')
    for package in $wanted; do
        printf '%s\n' "$present" | grep -qxF "$package" || printf ' %s' "$package"
    done
}

# Packages of servers would start them: their ports are ours to choose. The policy file is the
# documented way to say no; one that exists already is left alone.
install_packages()
{
    policy=/usr/sbin/policy-rc.d
    if [ ! -e $policy ]; then
        printf '#!/bin/sh\nexit 101\n' >$policy
        chmod +x $policy
        trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    fi
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq && apt-get install -qq -y --no-install-recommends "$@" >/dev/null
}

[ $# -gt 0 ] || { echo "usage: setup.sh STAGE..." >&2; exit 2; }
list=""
for stage in "$@"; do
    more=$(packages "$stage") || exit 2
    list="$list $more"
done
command -v dpkg-query >/dev/null || { echo "not a Debian system; needed here:$list"; exit 0; }

# shellcheck disable=SC2086
lack=$(missing $list)
[ -n "$lack" ] || exit 0
if [ "$(id -u)" = 0 ] && [ "${THETIS_INSTALL:-1}" != 0 ]; then
    echo "installing:$lack"
    # shellcheck disable=SC2086
    install_packages $lack || echo "could not install everything; going on with what is there"
else
    echo "missing; to install: apt-get install --no-install-recommends$lack"
fi
