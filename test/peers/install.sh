#!/usr/bin/env bash
# Installs the peers beside this file, unless they are there already as the lock file has them.
set -euo pipefail
cd "$(dirname "$0")"

if cmp -s package-lock.json node_modules/.installed-lock.json; then exit 0; fi
# No install scripts: the binaries come inside the packages, and the scripts would only look for them elsewhere.
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
cp package-lock.json node_modules/.installed-lock.json
