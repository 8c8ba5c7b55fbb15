# shellcheck shell=bash
# Read by install.sh: fills the folder of the installation with the package and what it needs, sets gdb up for it, and
# writes a bundle of it.
# shellcheck disable=SC2034,SC2154 # here, prefix, temp, stage, aside, gdb, python, abi and the like are install.sh's

# What a site folder was made for: the ABI, then the requirements.
stamp_text() { printf '%s\n' "$abi" "${requirements[@]}"; }
up_to_date() { cmp -s "$1/.made_for" <(stamp_text) && imports "$1"; }

# imports SITE: the Python that it is for can import everything that is needed from there.
import_all='import os, sys; sys.path.insert(0, os.environ["GO_SPANS_SITE"]); import attrs, elftools, numpy, pygments, tabulate; print("go-spans-imports")'
imports() {
    local answer
    answer=$(GO_SPANS_SITE=$1 inside "$import_all" 2>"$temp/imports") || true
    [[ $answer == *go-spans-imports* ]]
}

# compile_all FOLDER: gdb itself writes no bytecode; tests of dependencies are never loaded. SciPy comes later (has_scipy).
compile_all() {
    GO_SPANS_SITE=$1 inside 'import compileall, os, re; compileall.compile_dir(os.environ["GO_SPANS_SITE"], quiet=2, rx=re.compile("/tests/"))' >/dev/null 2>&1 ||
        true # without it gdb starts a little slower, no more
}

# Sets pip: any pip will do, it can fetch for another Python than its own.
find_pip() {
    local candidate
    for candidate in ${interpreter:+"$interpreter"} "python$python" python3 python; do
        if "$candidate" -m pip --version >/dev/null 2>&1; then
            pip=("$candidate" -m pip)
            return
        fi
    done
    pip=("$temp/venv/bin/python" -m pip)
    if ! "${interpreter:-python3}" -m venv "$temp/venv" >/dev/null 2>&1; then
        apt_install python3-pip
        pip=(python3 -m pip)
    fi
}

# try_pip FOLDER ARGUMENT...
try_pip() {
    PIP_USER=0 PIP_REQUIRE_VIRTUALENV=0 PIP_ROOT_USER_ACTION=ignore "${pip[@]}" install --quiet --no-input \
        --disable-pip-version-check --no-compile --target "$@" >"$temp/pip" 2>&1
}

pip_said() { grep -m 1 '^ERROR' "$temp/pip" || tail -n 1 "$temp/pip"; }

# pip_into FOLDER ARGUMENT...
pip_into() {
    try_pip "$@" ||
        fail "pip could not install what is needed ($(pip_said)):" \
            "check the network, or use --from FILE with a bundle from a machine that has it"
}

# Sets other: what pip has to know where its own Python is of another version than gdb's.
find_other() {
    other=()
    [ "$("${pip[0]}" -c 'import sys; print("%d.%d" % sys.version_info[:2])')" = "$python" ] ||
        other=(--python-version "$python" --implementation cp --only-binary=:all:)
}

# from_tree: the tree has the dependencies for this Python, as a bundle has: nothing is fetched.
from_tree() { [ ! "$tree" -ef "$prefix" ] && [ -d "$tree/site/python$python" ]; }

# has_scipy SITE: and it works with what else is there. Bytecode is written of what is imported, a part of it.
scipy_import='import os, sys; sys.path.insert(0, os.environ["GO_SPANS_SITE"]); sys.dont_write_bytecode = False; import scipy.sparse.csgraph; print("go-spans-scipy")'
has_scipy() {
    local answer
    [ -d "$1/scipy" ] || return 1
    answer=$(GO_SPANS_SITE=$1 inside "$scipy_import" 2>"$temp/scipy_said") || true
    [[ $answer == *go-spans-scipy* ]]
}

drop_scipy() { rm -rf -- "${1:?}"/scipy "$1"/scipy.libs "$1"/scipy-*.dist-info; }

# settle_scipy SITE: SciPy is there if it is wanted; where it cannot be had, a line says so, and all else goes on.
settle_scipy() {
    local new=$1/.scipy other=() source=$tree/site/python$python
    case $scipy in
    no) drop_scipy "$1" && return ;;
    later) [ -d "$prefix/site/python$python/scipy" ] || return 0 ;;
    esac
    ! has_scipy "$1" || return 0
    drop_scipy "$1"
    if from_tree; then
        [ -d "$source/scipy" ] || no_scipy "which ${from:-$tree} does not have" || return 0
        cp -R -p -- "$source"/scipy* "$1"
    else
        find_pip
        find_other
        rm -rf -- "$new"
        try_pip "$new" ${other[@]+"${other[@]}"} --no-deps --only-binary=:all: --retries 1 "$scipy_wanted" ||
            no_scipy "which pip could not install ($(pip_said))" || { rm -rf -- "$new" && return 0; }
        mv -- "$new"/scipy* "$1"
        rm -rf -- "$new"
    fi
    has_scipy "$1" || no_scipy "which does not work here ($(grep -m 1 'Error: ' "$temp/scipy_said" || true))" || drop_scipy "$1"
}

# no_scipy WHY
no_scipy() {
    local again=$0
    [ "$mode" = bundle ] || again=$(printf '%q' "$prefix/install.sh")
    say "objects, owners, and the options --owners and --types, need SciPy, $1: all else works; to add it, run $again where there is a network"
    return 1
}

# fill_site FOLDER: dependencies and package, checked by gdb's own Python.
fill_site() {
    local other=() whose more=
    if from_tree; then
        cp -R -p -- "$tree/site/python$python/." "$1"
        imports "$1" || fail "$tree does not work with ${gdb:-$interpreter} ($(grep -m 1 'Error: ' "$temp/imports")): make the bundle on a machine like this one"
        settle_scipy "$1"
        return
    fi
    find_pip
    find_other
    if [ -n "$gdb" ]; then whose="gdb's Python"; else whose=Python; fi
    [ "$scipy" != yes ] || more=" ${scipy_wanted%%[<>=]*}"
    say "Fetching ${requirements[*]%%[<>=]*}$more for $whose $python"
    pip_into "$1" ${other[@]+"${other[@]}"} "${requirements[@]}"
    rm -rf -- "${1:?}/bin"
    imports "$1" || fail "what pip installed does not work with ${gdb:-$interpreter} ($(grep -m 1 'Error: ' "$temp/imports")): choose another gdb with --gdb PATH"
    copy_package "$1/gdb_gospan"
    compile_all "$1"
    settle_scipy "$1"
    stamp_text >"$1/.made_for"
}

copy_package() {
    cp -R -- "$package" "$1"
    find "$1" -name __pycache__ -prune -exec rm -rf -- {} +
}

copy_plain_files() {
    local file
    for file in "$plain" "$tree/pyproject.toml" "$tree/install.sh"; do
        cp -- "$file" "$1/.new"
        mv -f -- "$1/.new" "$1/${file##*/}"
    done
}

# replace NEW OLD
replace() {
    target=$2 aside=''
    if [ -e "$2" ]; then
        aside=$2.old.$$
        mv -- "$2" "$aside"
    fi
    mv -- "$1" "$2"
    [ -z "$aside" ] || rm -rf -- "$aside"
    aside=''
}

install_tree() {
    local site=$prefix/site/python$python
    make_folder "$prefix/site" || true
    [[ -w $prefix && -w $prefix/site ]] ||
        fail "cannot write to $prefix: choose another folder with --prefix DIR"
    stage=$(mktemp -d "$prefix/site/.new.XXXXXX")
    chmod 755 "$stage"
    if up_to_date "$site"; then
        copy_package "$stage/gdb_gospan"
        compile_all "$stage"
        replace "$stage/gdb_gospan" "$site/gdb_gospan"
        settle_scipy "$site"
    else
        fill_site "$stage"
        replace "$stage" "$site"
    fi
    copy_plain_files "$prefix"
    : >"$prefix/site/.installed"
}

run_bundle() {
    local out=$temp/bundle
    [[ ! -d $bundle && -w $(dirname -- "$bundle") ]] || fail "cannot write $bundle: give the name of a file, such as go-spans.tar.gz"
    mkdir -p "$out/site/python$python"
    fill_site "$out/site/python$python"
    copy_plain_files "$out"
    tar -C "$out" -czf "$temp/bundle.tar.gz" --owner=0 --group=0 gdb_gospan install.sh pyproject.toml site
    mv -f -- "$temp/bundle.tar.gz" "$bundle"
    say "Wrote go-spans $version for gdb with Python $python ($abi) to $bundle"
    say "On the machine without network: mkdir go-spans && tar -xf ${bundle##*/} -C go-spans && go-spans/install.sh --from go-spans"
}

run_install() {
    local file=''
    install_tree
    say "Installed go-spans $version for gdb $gdb_version (Python $python) in $prefix"
    if [ "$gdbinit" = yes ]; then
        file=$(gdbinit_read)
        forget_blocks "$file"
        edit_gdbinit "$file" "directory ${prefix// /\\ }"$'\n'"source $prefix/gdb_gospan"
        say "gdb loads it at every start: see the block marked gdb_gospan in $file"
        say "Next: gdb PROGRAM CORE (or gdb -p PID), then type go-spans summary"
    else
        say "Next: gdb PROGRAM CORE (or gdb -p PID), then type source $prefix/gdb_gospan and go-spans summary"
    fi
    [ "$shell" = no ] || install_shell
}

# The command for the shell, where there is no gdb or none is wanted.
run_shell_only() {
    install_tree
    say "Installed go-spans $version for Python $python in $prefix"
    install_shell
}

# The gdbinit that gdb reads: gdb itself says which. With none yet, ~/.gdbinit: a new ~/.config/gdb/gdbinit
# would make gdb overlook a ~/.gdbinit written later.
gdbinit_read() {
    local file
    file=$(cd / && LC_ALL=C "$gdb" --help </dev/null 2>/dev/null | sed -n 's/^ *\* user-specific init file: //p' | head -n 1) || true
    printf '%s' "${file:-$home/.gdbinit}"
}
