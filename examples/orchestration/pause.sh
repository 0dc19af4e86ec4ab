#!/bin/sh
# Starts no more jobs of a batch, looks at it, and goes on.
batch=$(awaitctl run wait seconds=0.1 --count 20 --limit 2 --no-wait) || exit
awaitctl pause "$batch"
awaitctl show "$batch"
awaitctl resume "$batch"
awaitctl wait "$batch"
