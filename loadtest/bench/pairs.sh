#!/bin/sh
# Compares two builds of the hub: the same load against one and the other in turn, and the ratios pair by pair.
#
#   loadtest/bench/pairs.sh OLD NEW [PAIRS]     OLD and NEW: checkouts with a release build of the hub; 5 pairs
#
# Each load meets a hub of its own, on the configuration of its checkout (config/loadtest/hub.toml) and a fresh log; the
# generator is the one of this checkout. The order changes from pair to pair, so that a drift of the machine meets both builds.
# Only ratios of one call are to be compared. SECONDS_EACH (8), PORT (7795) and LOADTEST may be set.
set -eu

old=${1:?usage: pairs.sh OLD NEW [PAIRS]}
new=${2:?usage: pairs.sh OLD NEW [PAIRS]}
pairs=${3:-5}
here=$(cd "$(dirname "$0")" && pwd)
loadtest=${LOADTEST:-$here/../../target/release/loadtest}
seconds=${SECONDS_EACH:-8}
port=${PORT:-7795}

work=$(mktemp -d)
hub_pid=
trap 'kill $hub_pid 2>/dev/null || true; wait; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

token=$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')
export LOADTEST_PUBLISH_TOKEN="$token"

# load WHAT OUT ARGUMENTS...: one run of the generator; its report becomes OUT.WHAT.json.
load() {
    what=$1 out=$2
    shift 2
    "$loadtest" "$@" --url "ws://127.0.0.1:$port/ws" --json "$out.$what.json" >"$out.$what.log" 2>&1 || {
        cat "$out.$what.log" "$out.hub.log" >&2
        exit 1
    }
}

# serve CHECKOUT OUT: a hub of that checkout on a fresh log.
serve() {
    checkout=$1 out=$2 admin=
    # An older build has no admin server, and refuses an option it does not know.
    if grep -q '^\[admin\]' "$checkout/config/hub.toml"; then admin=HUB__ADMIN__LISTEN=127.0.0.1:0; fi
    env HUB_PUBLISH_TOKENS="bench:$token" $admin "$checkout/target/release/hub" \
        --config "$checkout/config/loadtest/hub.toml" --config-dir "$checkout/config" --data "$out.data" \
        --listen "127.0.0.1:$port" serve >"$out.hub.log" 2>&1 &
    hub_pid=$!
    tries=0
    until node -e "require('net').connect($port,'127.0.0.1').on('connect',()=>process.exit(0)).on('error',()=>process.exit(1))"; do
        tries=$((tries + 1))
        [ "$tries" -lt 40 ] || { cat "$out.hub.log" >&2; exit 1; }
        sleep 0.5
    done
}

# end OUT: stops the hub and removes its log.
end() {
    kill "$hub_pid"
    wait "$hub_pid" || true
    hub_pid=
    rm -rf "$1.data"
}

# measure CHECKOUT OUT: each kind of load against a hub of its own. What one load leaves to be done behind it, such as
# checkpoints of a long log, would be counted against the next, and more against the build that got further.
measure() {
    for what in alone crowd rate fanout; do
        serve "$1" "$2"
        case $what in
            alone) load alone "$2" bets --closed 1 --players 100 --seconds "$seconds" ;;
            crowd) load crowd "$2" bets --closed 256 --players 400 --seconds "$seconds" ;;
            rate) load rate "$2" bets --rate 10000 --players 400 --seconds "$seconds" ;;
            fanout) load fanout "$2" fanout --server hub --pid "$hub_pid" --seconds 3 ;;
        esac
        end "$2"
    done
}

pair=1
while [ "$pair" -le "$pairs" ]; do
    if [ $((pair % 2)) -eq 1 ]; then order="old new"; else order="new old"; fi
    for side in $order; do
        if [ "$side" = old ]; then checkout=$old; else checkout=$new; fi
        echo "pair $pair of $pairs: $side" >&2
        measure "$checkout" "$work/$pair-$side"
    done
    pair=$((pair + 1))
done
node "$here/pairs.mjs" "$work"
