#!/bin/sh
# Ends what the demo left running, each by its process id, and removes the demo's folder.
cd / || exit 1
folder=@FOLDER@
# A process that only got the number of one of ours since is left alone.
ours() { tr '\0' ' ' <"/proc/$1/cmdline" 2>/dev/null | grep -qF "$folder/"; }
# The gateway may have been started anew by hand: the control socket finds it.
"$folder/forestgate" drain -c "$folder/gw.yaml" >/dev/null 2>&1
for signal in TERM KILL; do
    for try in 1 2 3 4 5 6 7 8 9 10; do
        left=
        for pid in $(cat "$folder"/pids/*); do
            if ours "$pid"; then
                left=1
                [ "$try" -gt 1 ] || kill -s "$signal" "$pid"
            fi
        done
        [ -n "$left" ] || break 2
        sleep 0.2
    done
done
rm -rf "$folder"
echo "stopped, and $folder is removed"
