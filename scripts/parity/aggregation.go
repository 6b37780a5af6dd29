package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"pii/labels"
	"pii/stages"
)

// pipelined is what the token-classification pipeline of transformers says of a text.
type pipelined struct {
	Strategy string `json:"strategy"`
	Text     string `json:"text"`
	Entities []struct {
		Tag   string  `json:"entity"`       // with the strategy none
		Group string  `json:"entity_group"` // with the others
		Score float64 `json:"score"`
		Index int     `json:"index"`
		Word  string  `json:"word"`
		Start int     `json:"start"`
		End   int     `json:"end"`
	} `json:"entities"`
}

// checkAggregation runs `pii predict --aggregation` on the texts of aggregation.json.
func checkAggregation(dir string) []row {
	groups := row{what: "aggregation: spans, labels, words"}
	scores := row{what: "aggregation: scores", tolerance: 1e-5}
	cases, err := readJSON[[]pipelined](filepath.Join(dir, "aggregation.json"))
	if err == nil {
		err = withFolder(func(work string) error {
			for _, how := range labels.Aggregations() {
				got, err := predict(filepath.Join(dir, modelName), work, string(how), cases)
				if err != nil {
					return err
				}
				for i, c := range cases {
					if c.Strategy == string(how) {
						compareGroups(&groups, &scores, c, got[i].Entities, fmt.Sprintf("aggregation.json, case %d", i+1))
					}
				}
			}
			return nil
		})
	}
	groups.err, scores.err = err, err
	return []row{groups, scores}
}

// predict tags the texts of all cases.
func predict(model, work, how string, cases []pipelined) ([]stages.Prediction, error) {
	env := &stages.Env{In: strings.NewReader(""), Out: io.Discard, Log: log.New(io.Discard, "", 0)}
	defer env.Close()
	cfg := stages.Default()
	for key, value := range map[string]string{"aggregation": how, "threads": "1", "device": "cpu"} {
		if err := cfg.Set(key, value, "parity"); err != nil {
			return nil, err
		}
	}
	if err := cfg.Resolve(); err != nil {
		return nil, err
	}
	var lines []byte
	for i, c := range cases {
		line, err := json.Marshal(map[string]string{"id": strconv.Itoa(i), "text": c.Text})
		if err != nil {
			return nil, err
		}
		lines = append(append(lines, line...), '\n')
	}
	input, output := filepath.Join(work, "in.jsonl"), filepath.Join(work, "out.jsonl")
	if err := os.WriteFile(input, lines, 0o666); err != nil {
		return nil, err
	}
	err := stages.PredictFiles(context.Background(), cfg, env, stages.PredictOptions{ModelDir: model, Input: input, Output: output})
	if err != nil {
		return nil, err
	}
	return readLines[stages.Prediction](output)
}

func compareGroups(groups, scores *row, c pipelined, got []stages.PredictedEntity, where string) {
	groups.same(len(got) == len(c.Entities), where)
	for i := range min(len(got), len(c.Entities)) {
		g, want := got[i], c.Entities[i]
		label := want.Group + want.Tag
		groups.same(g.Start == want.Start && g.End == want.End && g.Label == label && g.Word == want.Word && g.Index == want.Index, where)
		scores.see(math.Abs(g.Score-want.Score), where)
	}
}
