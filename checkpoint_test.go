package main

import (
	"bytes"
	"embed"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

//go:embed torchmodel/testdata/transformers
var theirModels embed.FS

// theirModel is a folder of a checkpoint that transformers wrote, with a vocabulary of its 48 pieces and a transcript.
func theirModel(t *testing.T, name string) (dir, input string) {
	t.Helper()
	dir = t.TempDir()
	files, err := fs.Sub(theirModels, "torchmodel/testdata/transformers/"+name)
	if err == nil {
		err = os.CopyFS(dir, files)
	}
	if err != nil {
		t.Fatal(err)
	}
	pieces := []string{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}
	for _, c := range "abcdefghijklmnopqrstuvwxyz" {
		pieces = append(pieces, string(c))
	}
	for _, c := range "abcdefghijklmnopq" {
		pieces = append(pieces, "##"+string(c))
	}
	write(t, filepath.Join(dir, "vocab.txt"), strings.Join(pieces, "\n")+"\n")
	input = write(t, filepath.Join(t.TempDir(), "in.jsonl"),
		`{"id":"a","text":"abba sang","entities":[{"start":0,"end":4,"label":"X"}]}`+"\n")
	return dir, input
}

// Every file of the weights belongs to what training starts from: when one changes, training is stale.
func TestTrainFromShards(t *testing.T) {
	dir, input := theirModel(t, "bin-sharded")
	args := []string{"train", "--train", input, "--dev", input, "--model", dir, "--labels", "Y,X:pii", "--out-dir", t.TempDir(),
		"--epochs", "1", "--max-length", "24", "--stride", "4"}
	must(t, args...).want(t, exitDone, "with its classifier, whose classes are in another order")
	must(t, args...).want(t, exitDone, "train: fresh")
	for _, name := range []string{"pytorch_model-00002-of-00002.bin", "pytorch_model.bin.index.json"} {
		path := filepath.Join(dir, name)
		content := read(t, path)
		if strings.HasSuffix(name, ".bin") { // a bit of a weight: the storages are most of the file
			content[len(content)/2] ^= 1
		} else {
			content = bytes.Replace(content, []byte("total_size"), []byte("total_bytes"), 1)
		}
		write(t, path, string(content))
		must(t, args...).want(t, exitDone, "tokenize: fresh", "train: training goes on from")
	}
	if err := os.Remove(filepath.Join(dir, "pytorch_model-00001-of-00002.bin")); err != nil {
		t.Fatal(err)
	}
	pii(t, args...).want(t, exitFailed, "has no pytorch_model-00001-of-00002.bin")
}

func TestBaseModels(t *testing.T) {
	dir, input := theirModel(t, "mlm")
	out := t.TempDir()
	for _, command := range [][]string{{"predict"}, {"benchmark", "--device", "cpu"}} {
		pii(t, append(command, "--model-dir", dir, "--input", input)...).want(t, exitFailed, "it is a base model", "pii train --model "+dir)
	}
	must(t, "train", "--train", input, "--dev", input, "--model", dir, "--labels", "X:pii", "--out-dir", out, "--epochs", "1",
		"--max-length", "24", "--stride", "4").want(t, exitDone, "with a new classifier (classifier.bias, classifier.weight), as the "+
		"checkpoint has none, and without what else the checkpoint has (vocab_layer_norm.bias, vocab_layer_norm.weight, ")
	must(t, "predict", "--model-dir", out, "--input", input)
}

// A model without a card is used with its own labels; the configuration says which are personal data.
func TestLabelsOfTheirModels(t *testing.T) {
	dir, input := theirModel(t, "bin-legacy")
	predict := []string{"predict", "--model-dir", dir, "--input", input, "--pii-threshold", "0"}
	plain := must(t, predict...)
	plain.want(t, exitDone, "none of the model's labels is marked as personal data")
	marked := must(t, append(predict, "--labels", "X:pii,Y:pii")...)
	if !strings.Contains(plain.out, `"pii":false`) || strings.ReplaceAll(plain.out, `"pii":false`, `"pii":true`) != marked.out {
		t.Errorf("%s\nand marked\n%s", plain.out, marked.out)
	}
	pii(t, append(predict, "--labels", "X:pii,Z:pii")...).want(t, exitUsage, "labels name Z, which the model does not have", "X,Y")
}
