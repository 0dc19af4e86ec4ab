#!/bin/sh
# The same key twice: the second time nothing is run, and the batch that exists is followed.
awaitctl run wait seconds=0.2 --key "report-$$" --no-wait || exit
awaitctl run wait seconds=0.2 --key "report-$$"
