#!/bin/sh
# Runs again what did not succeed in a batch, as a new one.
batch=$(awaitctl -q submit "$(dirname "$0")/gather.jsonl") || exit
awaitctl wait "$batch"
awaitctl retry "$batch"
