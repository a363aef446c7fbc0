#!/usr/bin/env bash
# What `make gen-ts` does: stubs of our protos, and of the error details that servers send.
set -euo pipefail
cd "$(dirname "$0")/../../.."

bash clients/typescript/tools/install.sh
.venv/bin/buf generate --template clients/typescript/buf.gen.yaml

# googleapis-common-protos ships google/rpc/*.proto. Not by buf: it would take all of site-packages
# for one module.
site=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
.venv/bin/python -m grpc_tools.protoc -I "$site" \
  --plugin=protoc-gen-es=clients/typescript/node_modules/.bin/protoc-gen-es \
  --es_out=target=ts,import_extension=js:clients/typescript/src/gen google/rpc/error_details.proto
