# shellcheck shell=bash
# Read by `install.sh --delve`: puts the script for Delve into the folder of the installation.
# shellcheck disable=SC2154 # here and prefix are install.sh's

# Delve has no file that it loads at every start, so nothing can be set up but what --init and source name.
run_delve() {
    local folder=$prefix/dlv_scripts file
    [ -f "$here/dlv_scripts/go_spans.star" ] || fail "--delve copies dlv_scripts/: run it in a checkout"
    case $prefix in *$'\n'*) fail "Delve cannot load files from $prefix: choose another folder with --prefix DIR" ;; esac
    [ ! -e "$folder" ] || made_delve "$prefix" || fail "$folder was not made by install.sh: choose another folder with --prefix DIR"
    make_folder "$folder" && [ -w "$folder" ] || fail "cannot write to $prefix: choose another folder with --prefix DIR"
    printf '%s\n' '# Made by install.sh --delve; install.sh --uninstall removes it.' "source $folder/go_spans.star" >"$folder/.new"
    mv -f -- "$folder/.new" "$folder/init"
    for file in go_spans.star README.md; do
        cp -- "$here/dlv_scripts/$file" "$folder/.new"
        mv -f -- "$folder/.new" "$folder/$file"
    done
    say "Put go_spans for Delve into $folder; no setting of Delve or of your shell is changed"
    say "Next: dlv core PROGRAM CORE --init '$folder/init' (or dlv attach PID --init …), then type go_spans summary"
    say "In an open session: source $folder/go_spans.star"
    say "To load it with a short command, add to your shell's startup file: alias dlv-spans=\"dlv --init '$folder/init'\""
    say "To leave a process running, type exit -d (Delve 1.27 or newer), or exit and then n: a plain exit asks whether to kill it, and yes is the default"
}
