#!/usr/bin/env bash
# Makes the model that ships inside the program, data/small: `make small`. It takes three hours on two cores: three epochs from random
# weights, three rounds on new transcripts at one learning rate, and a long last one in which the rate falls to zero. What it leaves in
# the work folder lets an interrupted call go on.
#
#   scripts/small/make.sh [WORK]   the work folder, out-small where nothing is said
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
work=${1:-out-small}

# round NUMBER RATES ARGUMENTS… trains on transcripts of a seed of its own, into $work/NUMBER/model.
round() {
	local to=$work/$1 number=$1 rates=$2
	shift 2
	./pii data synth --set train --seed "$((777000 + number))" --rates "scripts/small/$rates.yaml" --out-dir "$to"
	./pii train --train "$to/train.jsonl" --dev builtin:dev --out-dir "$to/model" --dropout 0 --adam-beta2 0.99 \
		--weight-decay 0.01 --word-dropout 0.05 --mention-replacement 0.5 --piece-dropout 0.1 "$@"
}

round 0 round --model small --epochs 3
for number in 1 2 3; do
	round "$number" round --model "$work/$((number - 1))/model" --epochs 1 --lr 8e-4 --lr-scheduler-type constant_with_warmup --warmup-steps 200
done
round 4 last --model "$work/3/model" --epochs 1 --lr 8e-4 --warmup-steps 200

for file in config.json model.safetensors tokenizer.json tokenizer_config.json special_tokens_map.json vocab.txt pii.json; do
	cp "$work/4/model/$file" "data/small/$file"
done
# Half the bytes: what float16 takes from the weights changes no score in its first three digits.
go run ./scripts/small/half data/small
