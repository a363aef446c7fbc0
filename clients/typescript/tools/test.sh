#!/usr/bin/env bash
# What `make test-ts` does after linting, which compiles: unit tests, and what would be published.
set -euo pipefail
cd "$(dirname "$0")/.."

bash tools/install.sh
npm run --silent unit
npm run --silent check-pack
