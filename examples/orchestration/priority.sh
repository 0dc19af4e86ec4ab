#!/bin/sh
# A batch of higher priority overtakes one that waits for its turns.
low=$(awaitctl run wait seconds=0.1 --count 50 --limit 5 --no-wait) || exit
awaitctl run wait seconds=0.1 --priority 10
awaitctl cancel "$low"
