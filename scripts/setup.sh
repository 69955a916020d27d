#!/bin/sh
# Installs the dependencies where they are missing or stale; otherwise says nothing.
# It runs before node_modules exists, so it needs only a POSIX shell, node of any age, and npm.
# `setup.sh --stamp` only records that node_modules now matches the lock (npm's postinstall does).
set -eu
cd "$(dirname "$0")/.."
stamp=node_modules/.setup-stamp
lock=.setup.lock

locked_versions() { cksum <package-lock.json; }
is_fresh() { [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(locked_versions)" ]; }
# A stamp appears whole or not at all, whoever reads it meanwhile.
write_stamp() { locked_versions >"$stamp.$$" && mv -f "$stamp.$$" "$stamp"; }
stop() { echo "dreamgym: $1" >&2; exit 1; }

# Does `$1 --version` print v22.19.0 or newer?
serves() {
  version=$("$1" --version 2>/dev/null) || return 1
  version=${version#v}
  major=${version%%.*}
  rest=${version#*.}
  minor=${rest%%.*}
  [ "$major" -gt 22 ] || { [ "$major" -eq 22 ] && [ "$minor" -ge 19 ]; }
}

require_node() {
  serves node || serves node_modules/.bin/node ||
    stop "Node 22.19 or newer is needed here ($(uname -s) $(uname -m), node $(node --version 2>/dev/null || echo missing)): install it from https://nodejs.org and run this command again."
}

# One set-up at a time: the lock is a symbolic link, made in one step, whose target is the holder's process.
take_lock() {
  said=
  until ln -s $$ "$lock" 2>/dev/null; do
    holder=$(readlink "$lock" 2>/dev/null) || continue
    if ! kill -0 "$holder" 2>/dev/null; then
      clear_dead_lock "$holder"
      continue
    fi
    [ -n "$said" ] || echo "dreamgym: waiting for the set-up that process $holder runs in this checkout ..."
    said=yes
    sleep 1
  done
  trap 'rm -f "$lock"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
}

# Several may find the same dead holder; one that took away a lock newer than that puts it back.
clear_dead_lock() {
  mv -f "$lock" "$lock.$$" 2>/dev/null || return 0
  [ "$(readlink "$lock.$$")" = "$1" ] || mv -f "$lock.$$" "$lock"
  rm -f "$lock.$$"
}

if [ "${1:-}" = --stamp ]; then
  [ ! -d node_modules ] || write_stamp
  exit 0
fi

if ! is_fresh; then
  case "$(uname -s) $(uname -m)" in
    "Linux x86_64") ;; # node_modules brings its own node
    *) require_node ;;
  esac
  command -v npm >/dev/null 2>&1 || stop "npm is needed: install Node 22.19 or newer from https://nodejs.org and run this command again."
  [ -w . ] || stop "dependencies are missing and $(pwd) cannot be written to."
  take_lock
  if ! is_fresh; then
    echo "dreamgym: installing dependencies (npm ci, about a minute) ..."
    rm -f "$stamp"
    npm ci --loglevel=error >/dev/null || stop "npm ci failed; what it said is above."
    write_stamp
  fi
fi
require_node
