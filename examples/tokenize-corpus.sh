#!/bin/sh
# Counts the words of a text of some MB over all cores, in two ways: one file in chunks, and many files.
#
#     tokenize-corpus.sh [MB [CHUNKS]]
#
# Makes the text itself, always the same. Needs a running awaitd, awaitctl in the PATH, and jq. Since it has the daemon
# read files, it is for root and the daemon's own user, unless awaitd.conf says unrestricted = ["file"].
set -eu

mb=${1:-16}
chunks=${2:-8}
corpus=$(mktemp -d)
trap 'rm -rf "$corpus"' EXIT
chmod 755 "$corpus" # the daemon may be somebody else

# Lines of 4 to 19 words, the first ones more often; the numbers are Park and Miller's.
awk -v bytes=$((mb * 1000000)) '
    function below(limit) { seed = seed * 16807 % 2147483647; return seed % limit }
    BEGIN {
        seed = 29
        count = split("the of and to a in is it you that he was for on are with as I his they " \
            "be at one have this from or had by hot word but what some we can out other were all " \
            "don'\''t 3.14 straße größer naïve café où год слово мир и не λόγος 日本 東京 テスト 👍🏽", words)
        while (written < bytes) {
            line = ""
            for (left = 4 + below(16); left > 0; left--)
                line = line (line == "" ? "" : " ") words[1 + below(1 + below(count))]
            print line "."
            written += length(line) + 2
        }
    }' >"$corpus/all.txt"

# Adds up what the jobs told: job.done events come in, one line of JSON goes out. `distinct` and `top` can be added up
# because each job told all of its tokens (top=1000000).
add_up() {
    jq -cn '
        [inputs | select(.method == "job.done").params.output | fromjson]
        | (reduce .[].top[] as [$token, $times] ({}; .[$token] += $times)) as $counts
        | {tokens: map(.tokens) | add, distinct: $counts | length, bytes: map(.bytes) | add,
           top: $counts | to_entries | sort_by(-.value, .key) | .[:10] | map([.key, .value])}'
}

echo "One file in $chunks chunks: {index} counts the jobs, and each takes the lines that begin in its part:"
awaitctl --json run tokenize "file=$corpus/all.txt" "chunk={index}/$chunks" top=1000000 \
    lowercase=yes --count "$chunks" --follow | add_up

echo "Many files: {item} is each line of a list:"
split -l 20000 "$corpus/all.txt" "$corpus/part-"
ls "$corpus"/part-* >"$corpus/files"
awaitctl --json run tokenize "file={item}" top=1000000 \
    lowercase=yes --items "@$corpus/files" --follow | add_up

echo "The same by a single job:"
awaitctl -q run tokenize "file=$corpus/all.txt" lowercase=yes
