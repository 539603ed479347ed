#!/bin/sh
# Records the captures of this folder: record.sh [SITUATION...], all of them by default. Needs root, and the
# programs that README.md names.
exec python3 "$(dirname "$0")/record/record.py" "$@"
