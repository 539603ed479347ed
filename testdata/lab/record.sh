#!/bin/sh
# Records the captures of testdata: record.sh [--into FOLDER] [SITUATION...], all of them by default; a verdict's code
# stands for all of its situations. Needs root, and the programs that ../README.md names.
exec python3 "$(dirname "$0")/record/record.py" "$@"
