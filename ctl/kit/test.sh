#!/bin/sh
# Tests @name@.so, with a daemon that awaitctl starts for each run. `make check` runs this.

awaitctl=${AWAITCTL:-awaitctl}
failed=0

# claim WHAT STATUS OUTPUT COMMAND...: the command exits with this status and prints this.
claim() {
    what=$1 status=$2 output=$3
    shift 3
    got=$("$@" 2>test.log)
    got_status=$?
    if [ "$got_status" = "$status" ] && [ "$got" = "$output" ]; then
        echo "ok: $what"
    else
        echo "NOT OK: $what: $*"
        echo "exit status $got_status, expected $status; output:"
        echo "$got"
        cat test.log
        failed=1
    fi
}

try() {
    "$awaitctl" plugin try ./@name@.so "$@"
}

accept() {
    "$awaitctl" plugin check ./@name@.so >&2
}

claim "awaitd accepts the plugin" 0 "" accept
claim "it says a text as often as it is told" 0 "hello
hello" try text=hello times=2 pause=1ms
claim "a job with nothing to say fails" 1 "" try text=
claim "a job without a text is refused" 5 "" try times=2
claim "so is one that would say it too often" 5 "" try text=hello times=101

rm -f test.log
exit $failed
