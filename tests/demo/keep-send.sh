#!/bin/sh
# send FROM TO [--count N] [--subject TEXT]: the server of FROM's forest hands over a message.
exec python3 @STANDIN@ @FOLDER@/setup.json send "$@"
