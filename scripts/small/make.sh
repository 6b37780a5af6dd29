#!/usr/bin/env bash
# Makes the model that ships inside the program, data/small: `make small`. It takes three quarters of an hour on two cores. What it
# leaves in the work folder lets an interrupted call go on.
#
#   scripts/small/make.sh [WORK]   the work folder, out-small where nothing is said
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
work=${1:-out-small}

# transcripts N SEED: a training set at the rates of round N.
transcripts() {
	[ -f "$work/$1/train.jsonl" ] || ./pii data synth --set train --seed "$2" --rates "scripts/small/round$1.yaml" --out-dir "$work/$1"
}

transcripts 1 20240611
./pii train --model small --vocab-size 16000 --train "$work/1/train.jsonl" --dev builtin:dev --out-dir "$work/1/model" --epochs 2

transcripts 2 77
./pii train --model "$work/1/model" --train "$work/2/train.jsonl" --dev builtin:dev --out-dir "$work/2/model" --epochs 1 --lr 8e-4 --warmup-ratio 0.05

for file in config.json model.safetensors tokenizer.json tokenizer_config.json special_tokens_map.json vocab.txt pii.json; do
	cp "$work/2/model/$file" "data/small/$file"
done
