# Counting a suite's TAP, for scripts that run suites. Sourced.

# count_tap NAME STATUS FILE: sets ok, bad and skip to the numbers of "ok", "not ok" and "# SKIP" lines. A crash, or
# no test at all, counts as a failure and is added to the file.
count_tap() {
    # cmocka calls a skipped test "not ok 4 # SKIP".
    skip=$(grep -ciE '^(not )?ok .*# *skip' "$3")
    ok=$(grep -E '^ok ' "$3" | grep -civ '# *skip')
    bad=$(grep -E '^not ok ' "$3" | grep -civ '# *skip')
    if [ "$2" -ne 0 ] && [ "$bad" -eq 0 ]; then
        bad=1
        echo "not ok - $1: ended with status $2" >>"$3"
    elif [ "$2" -eq 0 ] && [ $((ok + bad + skip)) -eq 0 ]; then
        bad=1
        echo "not ok - $1: ran no test" >>"$3"
    fi
}

# show_failures OUT ERR: what failed, and the last words.
show_failures() {
    grep -v '# *SKIP' "$1" | grep -A12 -E '^not ok ' | head -60
    tail -30 "$2"
}
