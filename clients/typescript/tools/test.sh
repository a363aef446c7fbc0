#!/usr/bin/env bash
# What `make test-ts` does after linting: unit tests, and what would be published.
set -euo pipefail
cd "$(dirname "$0")/.."

bash tools/install.sh
npm test --silent
npm run --silent check-pack
