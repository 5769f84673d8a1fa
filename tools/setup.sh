#!/usr/bin/env bash
# Installs what the Makefile's targets need, and nothing that is there already.
#
#   tools/setup.sh packages setup|demo|test|faults|bench   Debian packages: programs that pip cannot bring
#   tools/setup.sh environment DIR            the virtual environment, with nightferry in it
#
# What stays to others: running anything. No service is configured here, and none is switched off.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=${PYTHON:-python3}

say() { printf 'setup: %s\n' "$*" >&2; }
give_up() { say "$*"; exit 2; }
have() { PATH="$PATH:/usr/sbin:/sbin" command -v "$1" >/dev/null 2>&1; }

has_ensurepip() { "$python" -c 'import ensurepip, venv; ensurepip.version()' 2>/dev/null; }

can_build_environment() { # Debian keeps ensurepip in a package of its own; a pip of any kind does too
    has_ensurepip || "$python" -m pip --version >/dev/null 2>&1
}

has_postgresql() { # Debian keeps its programs out of the search path
    have initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null
}

missing_packages() { # PURPOSE -> package names, one a line
    can_build_environment || echo python3-venv
    [ "$1" = setup ] && return
    have ssh || echo openssh-client
    have sshd || echo openssh-server
    have rsync || echo rsync
    have fpack || echo libcfitsio-bin
    [ "$1" = demo ] && return
    have strace || echo strace
    have tmux || echo tmux
    have faketime || echo faketime
    have curl || echo curl
    have mkfs.ext4 || echo e2fsprogs
    have mount || echo mount
    has_postgresql || echo postgresql
    [ "$1" = faults ] || [ "$1" = bench ] || return 0
    have rclone || echo rclone
    [ "$1" = bench ] || return 0
    have fpsync || echo fpart
    have zstd || echo zstd
    have ip || echo iproute2
    have cc || echo gcc libc6-dev
}

install_packages() { # NAMES
    local as_root=()
    if [ "$(id -u)" != 0 ]; then
        sudo -n true 2>/dev/null || give_up "please install: sudo apt-get install $*"
        as_root=(sudo -n)
    fi
    have apt-get || give_up "please install what Debian calls: $*"
    say "installing from Debian: $*"
    # 300 s: another apt may hold the lock on a machine that was just switched on
    local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300)
    # 9>&-: a service that Debian starts on installation must not inherit our lock
    "${as_root[@]}" "${apt[@]}" update >&2 9>&- || say "the package lists could not be renewed; trying with the old ones"
    "${as_root[@]}" "${apt[@]}" install --no-install-recommends "$@" >&2 9>&- \
        || give_up "Debian's packages could not be installed; please install: apt-get install $*"
}

packages() { # PURPOSE
    local missing
    mapfile -t missing < <(missing_packages "$1")
    [ "${#missing[@]}" = 0 ] || install_packages "${missing[@]}"
}

new_environment() { # DIR
    rm -rf -- "$1"
    if has_ensurepip; then
        "$python" -m venv "$1"
    else
        "$python" -m venv --without-pip "$1"
        "$python" -m pip --python "$1/bin/python" install --quiet pip
    fi
}

is_ready() { # DIR: true also for the make that waited while another one built it
    [ -x "$1/bin/nightferry" ] && [ "$1/.ready" -nt pyproject.toml ] && [ "$1/.ready" -nt tools/setup.sh ]
}

environment() { # DIR
    ! is_ready "$1" || return 0
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
        || give_up "$python is missing or older than 3.11; please install Python 3.11 or later (apt-get install python3)"
    packages setup
    "$1/bin/python" -m pip --version >/dev/null 2>&1 || new_environment "$1"
    say "installing nightferry and what it needs into $1"
    "$1/bin/python" -m pip install --quiet --upgrade 'pip>=25.1'  # the first that knows --group
    "$1/bin/python" -m pip install --quiet --editable . --group dev
    touch "$1/.ready"
}

main() {
    # Two makes at once: the second waits, then finds everything done.
    exec 9<Makefile
    if have flock; then flock 9; fi
    case "${1:-} ${2:-}" in
        "packages setup" | "packages demo" | "packages test" | "packages faults" | "packages bench") packages "$2" ;;
        "environment "?*) environment "$2" ;;
        *) sed -n 2,7p "${BASH_SOURCE[0]}" >&2; exit 2 ;;
    esac
}
main "$@"
