#!/bin/sh
# server contoso|fabrikam stop|start
cd @FOLDER@ || exit 1
case $1 in contoso | fabrikam) ;; *) set -- "$1" help ;; esac
pid=$(cat "pids/$1" 2>/dev/null)
# Another process may have got the number since.
is_up() { [ -n "$pid" ] && tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF "serve $1"; }
case $2 in
stop)
    if is_up "$1"; then kill "$pid" && echo "the server of $1 is stopped"; else echo "it is down"; fi
    rm -f "pids/$1"
    ;;
start)
    if is_up "$1"; then
        echo "it is up"
        exit
    fi
    setsid python3 @STANDIN@ @FOLDER@/setup.json serve "$1" >>"$1.log" 2>&1 </dev/null &
    echo $! >"pids/$1"
    echo "the server of $1 is started; what it says is in @FOLDER@/$1.log"
    ;;
*)
    sed -n 's/^# server/usage: server/p' "$0" >&2
    exit 2
    ;;
esac
