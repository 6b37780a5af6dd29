#!/usr/bin/env bash
# Makes the model that ships inside the program, data/small: `make small`. It takes seven hours on two cores: three epochs from random
# weights, three rounds on new transcripts at one learning rate, and a long one in which the rate falls to zero; then, with two layers more,
# another round and another long one; then, with two more, a round and from there two in which the rate falls, each on transcripts of its own,
# the mean of whose weights learns from a last few. What it leaves in the work folder lets an interrupted call go on.
#
#   scripts/small/make.sh [WORK]   the work folder, out-small where nothing is said
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
work=${1:-out-small}

# round NUMBER RATES ARGUMENTS… trains on transcripts of a seed of its own, into $work/NUMBER/model.
round() {
	local to=$work/$1 number=$1 rates=$2
	shift 2
	./pii data synth --set train --seed "$((777000 + number))" --rates "scripts/small/$rates.yaml" --out-dir "$to" --force
	./pii train --train "$to/train.jsonl" --dev builtin:dev --out-dir "$to/model" --dropout 0 --adam-beta2 0.99 \
		--weight-decay 0.01 --word-dropout 0.05 --mention-replacement 0.5 --piece-dropout 0.1 "$@"
}

# steady NUMBER MODEL is a round at one rate, falling NUMBER MODEL a long one down to zero, last NUMBER MODEL a short one at a lower rate.
steady() { round "$1" round --model "$2" --epochs 1 --lr 8e-4 --lr-scheduler-type constant_with_warmup --warmup-steps 200; }
falling() { round "$1" long --model "$2" --epochs 1 --lr 8e-4 --warmup-steps 200; }
last() { round "$1" last --model "$2" --epochs 1 --lr 3e-4 --warmup-steps 200; }

# deeper MODEL puts a model with two layers more into $work/deeper.
deeper() {
	rm -rf "$work/deeper"
	go run ./scripts/small/deepen "$1" "$work/deeper" 2
}

round 0 round --model small --epochs 3
for number in 1 2 3; do
	steady "$number" "$work/$((number - 1))/model"
done
falling 4 "$work/3/model"
deeper "$work/4/model"
steady 5 "$work/deeper"
falling 6 "$work/5/model"
deeper "$work/6/model"
steady 7 "$work/deeper"
falling 8 "$work/7/model"
falling 9 "$work/7/model"
rm -rf "$work/mean"
go run ./scripts/small/mean "$work/mean" "$work/8/model" "$work/9/model"
last 10 "$work/mean"

for file in config.json model.safetensors tokenizer.json tokenizer_config.json special_tokens_map.json vocab.txt pii.json; do
	cp "$work/10/model/$file" "data/small/$file"
done
# Half the bytes: what float16 takes from the weights changes no score in its first three digits.
go run ./scripts/small/half data/small
