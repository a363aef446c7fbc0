#!/usr/bin/env bash
# What `make lint-ts` does: compile everything, eslint and format.
set -euo pipefail
cd "$(dirname "$0")/.."

bash tools/install.sh
npm run --silent lint
