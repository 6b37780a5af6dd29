package stages

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"pii/metrics"
)

// benchOf has texts "0", "1" … of as many tokens, at odd places.
func benchOf(texts, runs int) *bench {
	cfg := Default()
	cfg.Runs = runs
	b := &bench{cfg: cfg, rounds: min(benchmarkRounds, runs)}
	for i := range texts {
		b.texts = append(b.texts, fmt.Sprint(i))
		b.order = append(b.order, i)
	}
	return b
}

func TestSampleProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := benchOf(rapid.IntRange(1, 60).Draw(t, "texts"), rapid.IntRange(1, 90).Draw(t, "runs"))
		batch := rapid.IntRange(1, 70).Draw(t, "batch")
		total := 0
		for round := range b.rounds {
			calls := b.sample(round, batch)
			if !reflect.DeepEqual(calls, b.sample(round, batch)) {
				t.Fatal("the same round has other calls")
			}
			for _, call := range calls {
				total += len(call)
				if len(call) != batch {
					t.Fatalf("a call has %d texts", len(call))
				}
				for k, text := range call[1:] {
					before, at := slices.Index(b.texts, call[k]), slices.Index(b.texts, text)
					if at < before || at > before+1 {
						t.Fatalf("%s follows %s in a call", text, call[k])
					}
				}
			}
		}
		if batch == 1 && total < b.cfg.Runs {
			t.Errorf("%d texts are timed one at a time, not %d", total, b.cfg.Runs)
		}
	})
}

// TestSamplesCoverAllLengths: with as many texts as runs, each is timed once; and each round has short and long ones.
func TestSamplesCoverAllLengths(t *testing.T) {
	b := benchOf(40, 40)
	seen := map[string]int{}
	for round := range b.rounds {
		for i, call := range b.sample(round, 1) {
			seen[call[0]]++
			if i > 3 {
				t.Errorf("round %d has more than four calls", round)
			}
		}
	}
	if len(seen) != 40 {
		t.Errorf("%d texts are timed", len(seen))
	}
}

func TestCrossovers(t *testing.T) {
	row := func(device, precision string, batch int, speed float64) BenchmarkRow {
		return BenchmarkRow{Device: device, Precision: precision, Batch: batch, TextsPerS: speed}
	}
	cpu := []BenchmarkRow{row("cpu", "fp32", 1, 40), row("cpu", "int8", 1, 90), row("cpu", "fp32", 8, 50), row("cpu", "fp32", 32, 50)}
	for _, c := range []struct {
		other []BenchmarkRow
		want  string
	}{
		{nil, "[]"},
		{[]BenchmarkRow{{Device: "cuda", Batch: 1, Missing: "none"}}, "[]"},
		{[]BenchmarkRow{row("cuda:0", "fp16", 1, 95), row("cuda:0", "fp16", 8, 60), row("cuda:0", "fp16", 32, 900)}, "cuda:0 from 1"},
		{[]BenchmarkRow{row("cuda:0", "fp16", 1, 80), row("cuda:0", "fp16", 8, 60), row("cuda:0", "fp16", 32, 900)}, "cuda:0 from 8"},
		{[]BenchmarkRow{row("cuda:0", "fp16", 1, 95), row("cuda:0", "fp16", 8, 40), row("cuda:0", "fp16", 32, 900)}, "cuda:0 from 32"},
		{[]BenchmarkRow{row("cuda:0", "fp16", 1, 95), row("cuda:0", "fp16", 32, 45)}, "cuda:0 never"},
		{[]BenchmarkRow{row("cuda:0", "fp16", 512, 4500)}, "cuda:0 never"}, // the CPU was not timed there
	} {
		said := "[]"
		for _, x := range crossovers(slices.Concat(cpu, c.other)) {
			said = x.Device + " never"
			if x.Batch != nil {
				said = fmt.Sprintf("%s from %d", x.Device, *x.Batch)
			}
		}
		if said != c.want {
			t.Errorf("%v: %s, want %s", c.other, said, c.want)
		}
	}
}

// measured is a result with times of a token around so many microseconds.
func measured(us float64) *BenchmarkResult {
	row := BenchmarkRow{Device: "cpu", Precision: "fp32", Batch: 1, WarmUp: &WarmUp{Calls: 30, Stable: true}, Shares: &Shares{0.01, 0.98, 0.01, 0}}
	var runs []time.Duration
	for i := range benchmarkRounds {
		row.RoundUS = append(row.RoundUS, us*(1+float64(i)/100))
		runs = append(runs, time.Duration(us)*time.Microsecond)
	}
	for _, into := range []**metrics.Latency{&row.Tokenize, &row.Forward, &row.Decode, &row.Total} {
		l := metrics.NewLatency(runs)
		*into = &l
	}
	row.TextsPerS, row.TokensPS, row.Padding = 1e6/us, 3e7/us, new(float64)
	ratio := metrics.PairedRatio(row.RoundUS, row.RoundUS)
	row.SpeedUp = &ratio
	large := row
	large.Batch = 512
	missing := BenchmarkRow{Device: "cuda", Precision: "fp32", Batch: 1, Missing: "there is none"}
	before := 180.4
	return &BenchmarkResult{Hardware: "a processor", Texts: 3, Tokens: 90, Before: &before, Rounds: benchmarkRounds, Rows: []BenchmarkRow{row, large, missing},
		Models: []BenchmarkModel{{Device: "cpu", Precision: "fp32", Products: "oneDNN"}, {Device: "cuda", Precision: "fp32", Missing: "there is none"},
			{Device: "cuda", Precision: "int8", Missing: "there is none"}}}
}

func TestBenchmarkTable(t *testing.T) {
	r := measured(123456)
	r.Rows[1].WarmUp = &WarmUp{Calls: 20}
	r.Crossovers = []Crossover{{"cuda:0", "cpu", nil}}
	apart := -0.00123
	r.Models[0].F1Difference = &apart
	var out strings.Builder
	if err := r.Table(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"123 (123–123)", "1.00 (1.00–1.00)", "cuda, fp32 and int8: there is none", "batch 512: was not stable after 20 calls",
		"p99 needs 299 runs", "cuda:0 is not faster than cpu", "of each figure, 180 MB were there before", "-0.0012"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the table does not say %q:\n%s", want, out.String())
		}
	}
	for _, line := range strings.Split(out.String(), "\n") {
		if len([]rune(line)) > 120 {
			t.Errorf("%d columns: %s", len([]rune(line)), line)
		}
	}
}

// TestSpeedsAgree: speed-ups are those of the tokens per second beside them, also where single rounds were disturbed.
func TestSpeedsAgree(t *testing.T) {
	row := func(batch int, roundUS ...float64) *timedRow {
		r := &timedRow{BenchmarkRow: BenchmarkRow{Device: "cpu", Precision: "fp32", Batch: batch, RoundUS: roundUS}}
		for _, us := range roundUS {
			for k := range r.each {
				r.each[k] = append(r.each[k], time.Duration(us*1000))
			}
		}
		r.tokens, r.padded = len(roundUS), len(roundUS)
		r.sumUp(10)
		return r
	}
	b := &bench{subjects: []*subject{{rows: []*timedRow{row(1, 4, 4, 4, 9), row(8, 2, 1, 2, 2), row(32, 90, 1, 3, 2)}}}}
	rows := b.result().Rows
	for i, want := range []struct{ tokens, speedUp float64 }{{250e3, 1}, {500e3, 2}, {400e3, 1.6}} {
		if r := rows[i]; r.TokensPS != want.tokens || r.TextsPerS != want.tokens/10 || r.SpeedUp.Value != want.speedUp {
			t.Errorf("batch %d: %v tokens/s, %v texts/s, %+v; want %+v", r.Batch, r.TokensPS, r.TextsPerS, r.SpeedUp, want)
		}
	}
}

// TestNotMeasuredIsAbsent: in JSON, what was not measured has no figures, and a figure of 0 is one.
func TestNotMeasuredIsAbsent(t *testing.T) {
	r := measured(100)
	r.Tokens, r.Models[0].LoadMS, r.Models[0].FirstMS = 0, 20, 3
	content, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Tokens       *float64
		Rows, Models []map[string]any
	}
	if err := json.Unmarshal(content, &got); err != nil {
		t.Fatal(err)
	}
	if got.Tokens != nil {
		t.Error("nobody counted tokens")
	}
	for list, names := range map[*[]map[string]any][]string{&got.Rows: {"padding", "texts_per_second", "tokens_per_second", "speed_up", "total"},
		&got.Models: {"load_ms", "first_ms"}} {
		for _, entry := range *list {
			for _, name := range names {
				if has := entry[name] != nil; has != (entry["missing"] == nil) {
					t.Errorf("%v, missing: %v; %s: %v", entry["device"], entry["missing"], name, entry[name])
				}
			}
		}
	}
}

func TestGPUNames(t *testing.T) {
	dir := t.TempDir()
	for bus, content := range map[string]string{"0000:0b:00.0": "Model: \t\t NVIDIA H200\nIRQ:   \t\t 12\n", "0000:0a:00.0": "Model: \t\t Tesla T4\n", "0000:0c:00.0": ""} {
		if err := os.MkdirAll(filepath.Join(dir, bus), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, bus, "information"), []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if names := gpuNames(dir); !slices.Equal(names, []string{"NVIDIA H200", "Tesla T4"}) {
		t.Errorf("%q", names)
	}
	if names := gpuNames(filepath.Join(dir, "none")); names != nil {
		t.Errorf("%q without a driver", names)
	}
}

// TestMemoryOfOthersGoesBack: what was taken and dropped before a model is none of its.
func TestMemoryOfOthersGoesBack(t *testing.T) {
	left := make([]byte, 200<<20)
	for i := 0; i < len(left); i += 4096 {
		left[i] = 1
	}
	high, ok := residentBytes("VmRSS")
	runtime.KeepAlive(left)
	if !ok {
		t.Skip("the system does not tell")
	}
	var m memoryMeter
	m.begin()
	if before := m.started(); before == nil || *before > float64(high)/1e6-150 {
		t.Errorf("of %d MB there are %v left", high/1e6, before)
	}
}

func TestCompareBenchmarks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "benchmark.json")
	if err := writeJSON(path, measured(100)); err != nil {
		t.Fatal(err)
	}
	former, err := readBenchmark(path)
	if err != nil {
		t.Fatal(err)
	}
	for us, want := range map[float64]string{50: verdictFaster, 101: verdictSame, 200: verdictSlower} {
		c := compareBenchmarks(path, former, measured(us))
		if len(c.Rows) != 2 || c.Rows[0].Verdict != want || len(c.Notes) != 0 {
			t.Errorf("%v after 100: %+v", us, c)
		}
	}
	few := measured(500)
	for i := range few.Rows {
		few.Rows[i].RoundUS = few.Rows[i].RoundUS[:min(2, len(few.Rows[i].RoundUS))]
	}
	if c := compareBenchmarks(path, former, few); c.Rows[0].Verdict != verdictFew {
		t.Errorf("after two rounds: %+v", c.Rows[0])
	}
	other := measured(100)
	other.Hardware, other.Tokens, other.Rows = "another", 91, other.Rows[2:]
	var out strings.Builder
	if err := compareBenchmarks(path, former, other).Table(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"other hardware: a processor", "other texts: 3 with 90 tokens, now 3 with 91", "no row of the same device"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, out.String())
		}
	}
}

func TestReadBenchmarkRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "former.json")
	for content, want := range map[string]string{
		"":                              "former.json",
		"[]":                            "former.json",
		`{"devices": []}`:               "rows: missing",
		`{"rows":[{"batch":-}]}`:        "former.json",
		`{"rows":[{"round_us":[1,0]}]}`: "rows[0].round_us: must be greater",
		`{"rows":[{"round_us":[1,1,1,1,1,1,1,1,1,1,1,1]}]}`: "rows[0].round_us: has 12 values",
	} {
		if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := readBenchmark(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", content, err)
		}
	}
	if _, err := readBenchmark(path + ".missing"); err == nil || !strings.Contains(err.Error(), "former.json.missing") {
		t.Errorf("a missing file: %v", err)
	}
}

func TestEqualShare(t *testing.T) {
	if equalShare(nil, nil) != nil {
		t.Error("no tags have a share")
	}
	if share := equalShare([]uint16{1, 2, 3, 4}, []uint16{1, 2, 3, 5}); share == nil || *share != 0.75 {
		t.Errorf("three of four equal: %v", share)
	}
}

func TestDigits(t *testing.T) {
	for v, want := range map[float64]string{0.0404: "0.040", 0.5: "0.500", 1.234: "1.23", 12.34: "12.3", 123.4: "123", 98765: "98765"} {
		if got := digits(v); got != want {
			t.Errorf("%v: %s, want %s", v, got, want)
		}
	}
}
