#!/usr/bin/env bash
# What all the others need: node_modules as package-lock.json says.
set -euo pipefail
cd "$(dirname "$0")/.."

if [[ ! node_modules/.package-lock.json -nt package-lock.json ]]; then
  npm ci --no-progress
fi
