#!/usr/bin/env bash
# `npm run test:peers [-- vitest options]`: tests against clients and a server that others wrote.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
root="$(cd "$here/../.." && pwd)"
# Run as a npm script, node is the one of package.json; run by hand it need not be.
PATH="$root/node_modules/.bin:$PATH"

"$here/install.sh"
tsc -p "$here/tsconfig.json"
cd "$root"
exec vitest run --config "$here/vitest.config.ts" "$@"
