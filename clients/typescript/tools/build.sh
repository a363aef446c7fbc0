#!/usr/bin/env bash
# What `make build-ts` does: the client into dist, its samples into build/samples.
set -euo pipefail
cd "$(dirname "$0")/.."

bash tools/install.sh
npm run --silent samples
