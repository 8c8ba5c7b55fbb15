# shellcheck shell=bash
# Read by install.sh: the command go-spans for the shell, and its completion in bash.
# shellcheck disable=SC2154 # prefix, python, interpreter, import_all and the names of the links are install.sh's

# Sets shell_python to the program of the Python that the installed packages are for, when there is one.
find_shell_python() {
    local name prefix_of=''
    shell_python=$interpreter
    [ -z "$shell_python" ] || return 0
    prefix_of=$(inside 'import sys; print("go-spans-prefix " + sys.base_prefix)' 2>/dev/null | sed -n 's/^go-spans-prefix //p') || true
    for name in "$prefix_of/bin/python$python" "/usr/bin/python$python" "python$python" python3; do
        shell_python=$(base_python "$name") || continue
        ! GO_SPANS_SITE=$prefix/site/python$python "$shell_python" -I -c "$import_all" >/dev/null 2>&1 </dev/null || return 0
    done
    shell_python=''
}

# ours LINK: it leads to an installation of ours, or to where this one is going to be.
ours() { [ -L "$1" ] && { [ "$(readlink -- "$1")" = "$2" ] || grep -qs "$made_mark" "$1"; }; }
made_mark='Made by install.sh of gdb_gospan'

# put_link LINK FILE: fails, and says why, when something else is there.
put_link() {
    if [ -e "$1" ] || [ -L "$1" ]; then
        if ! ours "$1" "$2"; then
            say "Left $1 as it is: it was not made by install.sh"
            return 1
        fi
    fi
    if ! { make_folder "$(dirname -- "$1")" && ln -sfn -- "$2" "$1"; } 2>/dev/null; then
        say "Cannot write $1: make its folder writable, then run $0 again"
        return 1
    fi
}

# The command itself is in the prefix; links to it and to the completion stand where the shell looks.
install_shell() {
    local name=go-spans
    find_shell_python
    if [ -z "$shell_python" ]; then
        say "There is no program python$python for go-spans in a shell: to use another Python there, run $0 --no-gdb"
        return
    fi
    cat >"$prefix/.new" <<EOT
#!/bin/sh
# $made_mark; install.sh --uninstall removes it.
python='$shell_python'
folder='$prefix'
[ -x "\$python" ] || { echo "go-spans: \$python is missing (try: \$folder/install.sh)" >&2; exit 3; }
# Isolated: neither the folder that it is run in nor PYTHONPATH hides what was installed.
exec "\$python" -I -c 'import sys; sys.path.insert(0, sys.argv.pop(1)); from gdb_gospan.__main__ import main; sys.exit(main())' \\
    "\$folder/site/python$python" "\$@"
EOT
    chmod 755 "$prefix/.new"
    mv -f -- "$prefix/.new" "$prefix/go-spans"
    if put_link "$shell_link" "$prefix/go-spans"; then
        say "The command go-spans for the shell is $shell_link"
        case :$PATH: in
        *:"$home/.local/bin":*) ;;
        *)
            name=$shell_link
            say "$home/.local/bin is not on your PATH: add to your shell's startup file: export PATH=\"\$HOME/.local/bin:\$PATH\""
            ;;
        esac
    else
        name=$prefix/go-spans
    fi
    if { printf '# %s; install.sh --uninstall removes it.\n' "$made_mark" && "$prefix/go-spans" --completion bash; } >"$prefix/.new" 2>/dev/null; then
        mv -f -- "$prefix/.new" "$prefix/go-spans.bash"
        put_link "$completion_link" "$prefix/go-spans.bash" || true
    else
        rm -f -- "$prefix/.new" # an older bundle has no completion
    fi
    say "In a shell: $name summary PROGRAM CORE (or --pid PID)"
}
