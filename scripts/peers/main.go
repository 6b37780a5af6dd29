// Command peers times the forward pass of other systems in turn with ours, on the same checkpoint and the same token ids, and prints
// the ratios with their spread over rounds. scripts/peers/run.sh calls it with what is there.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
)

// options say what is timed and where the peers are; "" leaves one out.
type options struct {
	model, input  string
	precisions    string
	rounds, texts int
	batch         int
	threads       int

	ort, onnx            string
	python, transformers string
}

func main() {
	var o options
	flag.StringVar(&o.model, "model", "", "checkpoint `FOLDER`")
	flag.StringVar(&o.input, "input", "builtin:natural", "transcripts: a JSONL `FILE` or builtin:NAME")
	flag.StringVar(&o.precisions, "precisions", "fp32,bf16,int8", "our `PRECISIONS`; those that this machine lacks are left out")
	flag.IntVar(&o.rounds, "rounds", 5, "`NUMBER` of rounds, after one that is not counted")
	flag.IntVar(&o.texts, "texts", 20, "`NUMBER` of texts of a round, one at a time")
	flag.IntVar(&o.batch, "batch", 32, "`NUMBER` of texts in a batch; a round has three, of short, of middling and of long ones")
	flag.IntVar(&o.threads, "threads", runtime.NumCPU(), "`NUMBER` of threads of each system")
	flag.StringVar(&o.ort, "ort", "", "`PATH` of ort.js")
	flag.StringVar(&o.onnx, "onnx", "", "`FOLDER` with model.onnx and model-int8.onnx")
	flag.StringVar(&o.python, "python", "", "`COMMAND` of Python")
	flag.StringVar(&o.transformers, "transformers", "", "`PATH` of transformers_peer.py")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench-peers:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (err error) {
	if o.rounds < 1 || o.texts < 1 || o.batch < 1 {
		return fmt.Errorf("-rounds, -texts and -batch must be greater than 0")
	}
	rows, err := readRows(o.model, o.input)
	if err != nil {
		return err
	}
	own, err := openOwn(o)
	if err != nil {
		return err
	}
	defer own.close()
	systems := own.systems()
	peers, err := startPeers(ctx, o)
	defer func() {
		for _, p := range peers {
			p.stop()
		}
	}()
	if err != nil {
		return err
	}
	for _, p := range peers {
		systems = append(systems, p)
	}
	work := newWork(rows, o)
	results, err := timeInTurn(ctx, systems, work, o.rounds)
	if err != nil {
		return err
	}
	return printResults(os.Stdout, results, len(own.models), work)
}

// startPeers starts those for which there are files.
func startPeers(ctx context.Context, o options) (peers []*peer, err error) {
	add := func(name string, command ...string) error {
		p, err := startPeer(ctx, name, command)
		if err == nil {
			peers = append(peers, p)
		}
		return err
	}
	threads := fmt.Sprint(o.threads)
	if o.ort != "" {
		for _, file := range [][2]string{{"fp32", "model.onnx"}, {"int8", "model-int8.onnx"}} {
			path := filepath.Join(o.onnx, file[1])
			if _, err := os.Stat(path); err != nil {
				fmt.Fprintf(os.Stderr, "bench-peers: ONNX Runtime %s is left out: there is no %s\n", file[0], path)
				continue
			}
			if err := add("ONNX Runtime "+file[0], "node", o.ort, path, threads); err != nil {
				return peers, err
			}
		}
	}
	if o.transformers != "" {
		for _, dtype := range []string{"fp32", "bf16"} {
			command := append(strings.Fields(o.python), "-W", "ignore", o.transformers, o.model, dtype, threads)
			if err := add("transformers "+dtype, command...); err != nil {
				return peers, err
			}
		}
	}
	return peers, nil
}
