#!/usr/bin/env bash
# Times other systems in turn with ours on one checkpoint and the same token ids: ONNX Runtime, which npm brings, and transformers
# where python3 has it.
#   MODEL=DIR     the checkpoint, a Hugging Face model folder
#   PEERS=DIR     where model.onnx and model-int8.onnx of it are, or are to be made (default: MODEL)
#   PYTHON=CMD    a Python with torch and transformers (default: python3)
#   ARGS="-rounds 10 -input calls.jsonl"   see go run ./scripts/peers -help
# Nothing of it is needed to build, test or run pii.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
say() { echo "bench-peers: $*" >&2; }

[ -n "${MODEL:-}" ] || { say "MODEL=DIR is missing, the checkpoint to time"; exit 2; }
PEERS=${PEERS:-$MODEL}
PYTHON=${PYTHON:-python3}
modules=${PII_CACHE:-$HOME/.cache/pii}/peers
arguments=(-model "$MODEL")

python=no
if $PYTHON -c 'import torch, transformers' 2>/dev/null; then python=yes; fi

# ONNX files, once.
if [ ! -e "$PEERS/model.onnx" ] && [ "$python" = yes ]; then
  mkdir -p "$PEERS"
  $PYTHON -W ignore "$here/make_onnx.py" export "$MODEL" "$PEERS" || say "$PEERS/model.onnx could not be made"
fi
if [ -e "$PEERS/model.onnx" ] && [ ! -e "$PEERS/model-int8.onnx" ] && [ "$python" = yes ]; then
  $PYTHON -W ignore "$here/make_onnx.py" quantize "$PEERS" || say "$PEERS/model-int8.onnx could not be made"
fi

if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
  say "ONNX Runtime is left out: there is no node and npm"
elif [ ! -e "$PEERS/model.onnx" ]; then
  say "ONNX Runtime is left out: there is no model.onnx in $PEERS, and $PYTHON has not made it (it takes torch, transformers and onnx); give PEERS=DIR"
else
  if [ ! -d "$modules/node_modules/onnxruntime-node" ]; then
    mkdir -p "$modules"
    npm install --silent --prefix "$modules" --ignore-scripts onnxruntime-node >&2
  fi
  export NODE_PATH=$modules/node_modules
  arguments+=(-ort "$here/ort.js" -onnx "$PEERS")
fi
if [ "$python" = yes ]; then
  arguments+=(-python "$PYTHON" -transformers "$here/transformers_peer.py")
else
  say "transformers is left out: $PYTHON has no torch and transformers"
fi
# shellcheck disable=SC2086 # ARGS is several words
exec go run ./scripts/peers "${arguments[@]}" ${ARGS:-}
