package stages

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func writeFile(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// resolved is the configuration that settings make, in the order in which they are read.
func resolved(t *testing.T, file string, environ []string, flags map[string]string) (*Config, error) {
	t.Helper()
	c := Default()
	if file != "" {
		if err := c.ReadFile(writeFile(t, "pii.yaml", file)); err != nil {
			return nil, err
		}
	}
	if err := c.ReadEnv(environ); err != nil {
		return nil, err
	}
	for key, text := range flags {
		if err := c.Set(key, text, "--"+strings.ReplaceAll(key, "_", "-")); err != nil {
			return nil, err
		}
	}
	return c, c.Resolve()
}

func TestPrecedence(t *testing.T) {
	file, environ := "epochs: 2\nbatch_size: 2\nlr: 0.2\n", []string{"PII_EPOCHS=3", "PII_BATCH_SIZE=3", "PII_RUNS=", "PII_OTHER=x"}
	c, err := resolved(t, file, environ, map[string]string{"epochs": "4"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Epochs != 4 || c.BatchSize != 3 || c.LR != 0.2 || c.Runs != Default().Runs {
		t.Errorf("epochs %d (flag), batch size %d (environment), lr %v (file), runs %d (default)", c.Epochs, c.BatchSize, c.LR, c.Runs)
	}
	origins := c.YAML(true)
	for _, want := range []string{"# --epochs", "# PII_BATCH_SIZE", "pii.yaml:3", "# default"} {
		if !strings.Contains(origins, want) {
			t.Errorf("the settings do not say %q:\n%s", want, origins)
		}
	}
}

// TestVariablesNobodyReads: one that is meant as a setting is not passed over, others are.
func TestVariablesNobodyReads(t *testing.T) {
	for name, meant := range map[string]string{"PII_BATCHSIZE": "PII_BATCH_SIZE", "PII_EPOCH": "PII_EPOCHS", "PII_LEARNING_RATE": "PII_LR",
		"PII_CACHE": "", "PII_LIBTCH": "", "PII_NO_REEXEC": "", "PII_REEXECUTED": "", "PII_TEST_CHILD": "", "PII_TOKEN": "", "PII_DB": "", "XPII_EPOCH": ""} {
		_, err := resolved(t, "", []string{name + "=1"}, nil)
		if meant == "" && err != nil || meant != "" && (err == nil || !strings.Contains(err.Error(), "did you mean "+meant+"?")) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEverySettingRoundTrips(t *testing.T) {
	c := Default()
	values := map[string]string{"labels": "A:pii,B", "mask_probability": "0.3", "train": `odd "name" # é\.jsonl`, "benchmark_devices": "cpu,cuda:1", "benchmark_precisions": "fp32,int8", "benchmark_batches": "1,8", "device": "cpu", "precision": "int8", "train_precision": "bf16",
		"lowercase": "false", "checkpoint_every": "1m30s", "target_p95": "15ms", "lr": "1e-05", "dropout": "0.25", "seed": "9007199254740993",
		"model": "distilbert-base", "threads": "3", "label_all_tokens": "false",
		"lr_scheduler_type": "cosine", "class_weights": "O=0.5,A=2", "metric_for_best_model": "f1", "adam_beta1": "0.5", "freeze_embeddings": "true", "pii_threshold": "0.25", "thresholds": "A=0.5,B=0.1",
		"helpers": "none", "allow": "allow.txt", "threshold_choice": "precision", "test": "none", "stress": "none", "natural": "none", "dev": "dev.jsonl"}
	for _, o := range Options {
		text, ok := values[o.Key]
		if !ok && reflect.TypeOf(o.field(c)).Elem().Kind() == reflect.Int {
			text, ok = "17", true
		}
		if !ok {
			continue
		}
		if err := c.Set(o.Key, text, "test"); err != nil {
			t.Fatal(err)
		}
		if got := c.Get(o); got != text {
			t.Errorf("%s: set %s, got %s", o.Key, text, got)
		}
	}
	c.MaxLength = 40
	if err := c.Resolve(); err != nil {
		t.Fatal(err)
	}
	for _, where := range []bool{false, true} {
		back := Default()
		if err := back.ReadFile(writeFile(t, "pii.yaml", c.YAML(where))); err != nil {
			t.Fatal(err)
		}
		if err := back.Resolve(); err != nil {
			t.Fatal(err)
		}
		for _, o := range Options {
			if back.Get(o) != c.Get(o) {
				t.Errorf("%s: wrote %s, read %s", o.Key, c.Get(o), back.Get(o))
			}
		}
	}
}

func TestDependentDefaults(t *testing.T) {
	for _, test := range []struct {
		flags     map[string]string
		epochs    int
		test, lrs string
	}{
		{nil, 1, "builtin:test", "5e-06"}, // the shipped model has seen the shipped set before
		{map[string]string{"train": "own.jsonl"}, 3, "none", "0.0003"},
		{map[string]string{"model": "small"}, presets["small"].epochs, "builtin:test", "0.001"},
		{map[string]string{"model": "distilbert-base"}, 5, "builtin:test", "5e-05"},
		{map[string]string{"model": "small", "train": "own.jsonl"}, presets["small"].epochs, "none", "0.001"},
		{map[string]string{"model": "small", "train": "own.jsonl", "test": "t.jsonl"}, presets["small"].epochs, "t.jsonl", "0.001"},
		{map[string]string{"model": "small", "epochs": "1"}, 1, "builtin:test", "0.001"},
	} {
		c, err := resolved(t, "", nil, test.flags)
		if err != nil {
			t.Fatal(err)
		}
		lr, _ := optionOf("lr")
		if c.Epochs != test.epochs || c.Test != test.test || c.Get(lr) != test.lrs {
			t.Errorf("%v: epochs %d, test %s, lr %s", test.flags, c.Epochs, c.Test, c.Get(lr))
		}
	}
	c, err := resolved(t, "", nil, map[string]string{"model": t.TempDir()})
	if err != nil || c.Epochs != presets["distilbert-base"].epochs || c.LR != presets["distilbert-base"].lr {
		t.Errorf("a checkpoint: %v, %d epochs, lr %v", err, c.Epochs, c.LR)
	}
}

func optionOf(key string) (Option, bool) {
	for _, o := range Options {
		if o.Key == key {
			return o, true
		}
	}
	return Option{}, false
}

func TestBadValues(t *testing.T) {
	for key, values := range map[string][]string{
		"epochs": {"0", "-1", "1.5", "many", ""}, "lr": {"0", "-1", "NaN", "Inf", "x"}, "batch_size": {"0"}, "vocab_size": {"0"},
		"dropout": {"1", "-0.1", "NaN"}, "label_smoothing": {"1"}, "warmup_ratio": {"1.1"}, "pii_threshold": {"-1", "2", "NaN", "", "0.5x"},
		"thresholds": {"PHONE", "=1", "PHONE=x", "PHONE=2", "PHONE=NaN", "A=1,A=1"}, "helpers": {"crad", "none,card"}, "allow": {"", "-"}, "deny": {"-"},
		"threshold_choice": {"", "recall"}, "threshold_precision": {"1.5"}, "threshold_beta": {"0", "-1"},
		"weight_decay": {"-1", "Inf"}, "max_grad_norm": {"-1"}, "threads": {"-1", "100000"}, "stride": {"-1", "125"}, "max_length": {"4"},
		"lowercase": {"maybe"}, "checkpoint_every": {"5", "0s", "-1m"}, "target_p95": {"fast", "0s"}, "labels": {"", "A,A", "A:secret", " :pii"},
		"precision": {"", "fp8", "FP32"}, "train_precision": {"", "int8"}, "device": {"gpu", "cuda:x", "cuda:-1"}, "benchmark_devices": {"cpu,tpu"}, "benchmark_precisions": {"fp32,fp8"}, "benchmark_batches": {"1,0", "-1", "x", "99999999999"}, "model": {"smal", "/no/such/folder", "./x", "a/b/c",
			"distilbert_base", "distilbert-bas@v1", "acme/tiny@", "a--b", "options.go"},
		"train": {"", "-", "none", "builtin:x"}, "dev": {"none"}, "test": {"-"}, "stress": {"builtin:tset"},
		"max_steps": {"-1"}, "gradient_accumulation_steps": {"0", "1.5"}, "lr_scheduler_type": {"", "linaer", "polynomial"},
		"warmup_steps": {"-1"}, "adam_beta1": {"1", "-0.1"}, "adam_beta2": {"1"}, "adam_epsilon": {"0", "NaN"}, "label_all_tokens": {"some"},
		"metric_for_best_model": {"", "accuracy"}, "early_stopping_patience": {"-1"}, "early_stopping_threshold": {"-0.1", "NaN"},
		"freeze_embeddings": {"2"}, "freeze_layers": {"-1"},
		"class_weights": {"", "balance", "O=0", "O=-1", "O=x", "O=NaN", "O=Inf", "O=1,O=2", "X=2", "B-X=2", "PHONE"}, "seed": {"x", "99999999999999999999"},
		"aggregation": {"", "frist", "None"},
	} {
		for _, value := range values {
			_, err := resolved(t, "", nil, map[string]string{key: value})
			if flag := "--" + strings.ReplaceAll(key, "_", "-"); err == nil || !strings.Contains(err.Error(), flag) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s %q: %v", flag, value, err)
			}
		}
	}
}

func TestConfigurationFileErrors(t *testing.T) {
	for content, want := range map[string][]string{
		"seed: 1\nepohcs: 3\n":                          {"pii.yaml:2", `"epohcs"`, `"epochs"`},
		"# note\n\nlr: fast\n":                          {"pii.yaml:3", "lr", `"fast"`, "number"},
		"seed: 1\nlabels: {A: 1}\n":                     {"pii.yaml:2", "labels"},
		"seed: 1\nlabels: [[A], {B: 1}]":                {"pii.yaml:2", "labels"},
		"- a\n- b\n":                                    {"pii.yaml:1", "key: value"},
		"seed: 1\nseed: 2\n":                            {"pii.yaml", "2", "seed"},
		"seed: 'x\n":                                    {"pii.yaml"},
		"epochs: [1, 2]\n":                              {"pii.yaml:1", "epochs"},
		"train:\n":                                      {"pii.yaml:1", "train"},
		"dropout: 0.1\nepochs: 0\n":                     {"pii.yaml:2", "epochs"},
		"pii_threshold: 0.1\n---\npii_threshold: 0.9\n": {"pii.yaml:3", "second"},
		"---\nseed: 1\n---\n\nlr: 1e-4\nruns: 9\n":      {"pii.yaml:5", "second"},
		"lr: 1e-4\nseed: 1\nlearning_rate: 1e-3\n":      {"pii.yaml:3: learning_rate", "lr", "pii.yaml:1"},
		"threshold: A=1\nthresholds: B=1\n":             {"pii.yaml:2: thresholds", "pii.yaml:1"},
	} {
		_, err := resolved(t, content, nil, nil)
		if err == nil {
			t.Errorf("%q is accepted", content)
			continue
		}
		for _, w := range append(want, "") {
			if !strings.Contains(err.Error(), w) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%q: %q does not say %q on one line", content, err, w)
			}
		}
	}
	if err := Default().ReadFile(filepath.Join(t.TempDir(), "missing.yaml")); err == nil || !strings.Contains(err.Error(), "missing.yaml") {
		t.Errorf("a missing file: %v", err)
	}
	if err := Default().ReadEnv([]string{"PII_EPOCHS=x"}); err == nil || !strings.Contains(err.Error(), "PII_EPOCHS") {
		t.Errorf("a bad variable: %v", err)
	}
}

func TestConfigurationFileForms(t *testing.T) {
	content := "\ufeff# all forms\r\nlabels:\r\n  - A:pii\r\n  - \"B\"\r\nbenchmark_devices: [cpu, 'cuda:1']\r\n\"lr\": 1e-4\r\nlowercase: false\r\n" +
		"target_p95: 15ms # a note\r\ntrain: |\r\n  own.jsonl\r\n"
	c, err := resolved(t, content, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(c.Labels, []string{"A:pii", "B"}) || !reflect.DeepEqual(c.BenchmarkDevices, []string{"cpu", "cuda:1"}) ||
		c.LR != 1e-4 || c.Lowercase || c.TargetP95 != 15*time.Millisecond || c.Train != "own.jsonl" {
		t.Errorf("read as\n%s", c.YAML(false))
	}
	for _, content := range []string{"", "# nothing\n", "---\n", "---\n---\nseed: 1\n---\n# no more\n"} {
		if _, err := resolved(t, content, nil, nil); err != nil {
			t.Errorf("%q: %v", content, err)
		}
	}
}

// TestUnknownWordsAreNamed wants each message to say what is wrong and what was meant.
func TestUnknownWordsAreNamed(t *testing.T) {
	for _, c := range []struct{ key, value, wrong, meant string }{
		{"class_weights", "O=0.5,FONE=2", `"FONE"`, `"PHONE"`}, {"class_weights", "B-CITTY=2", `"B-CITTY"`, `"B-CITY"`},
		{"class_weights", "balancd", `"balancd"`, `"balanced"`}, {"lr_scheduler_type", "linaer", `"linaer"`, `"linear"`},
		{"metric_for_best_model", "pii_f2", `"pii_f2"`, `"pii_f1"`}, {"freeze_layer", "1", `"freeze_layer"`, `"freeze_layers"`},
	} {
		if _, err := resolved(t, "", nil, map[string]string{c.key: c.value}); err == nil || !strings.Contains(err.Error(), c.wrong) ||
			!strings.Contains(err.Error(), c.meant) {
			t.Errorf("%s %s: %v", c.key, c.value, err)
		}
	}
}

// TestNamesOfRunNER reads the names that run_ner.py has for our settings.
func TestNamesOfRunNER(t *testing.T) {
	c, err := resolved(t, "learning_rate: 0.5\nnum_train_epochs: 9\n", nil, map[string]string{"max_seq_length": "64"})
	if err != nil || c.LR != 0.5 || c.Epochs != 9 || c.MaxLength != 64 {
		t.Errorf("lr %v, epochs %d, max length %d, %v", c.LR, c.Epochs, c.MaxLength, err)
	}
	for alias, key := range aliases {
		if o, ok := optionOf(key); !ok || !slices.Contains(o.Aliases(), strings.ReplaceAll(alias, "_", "-")) {
			t.Errorf("%s stands for %s, which has no such alias", alias, key)
		}
	}
}

func TestWeightDecayDependsOnTheModel(t *testing.T) {
	for _, c := range []struct {
		flags map[string]string
		want  float64
	}{{nil, 0.01}, {map[string]string{"model": "distilbert-base"}, 0}, {map[string]string{"weight_decay": "0"}, 0},
		{map[string]string{"model": "distilbert-base", "weight_decay": "0.1"}, 0.1}} {
		if got, err := resolved(t, "", nil, c.flags); err != nil || got.WeightDecay != c.want {
			t.Errorf("%v: weight decay %v, %v; want %v", c.flags, got.WeightDecay, err, c.want)
		}
	}
}

func TestNearest(t *testing.T) {
	if got := Nearest("epoch", keys()); !strings.Contains(got, `"epochs"`) {
		t.Errorf("got %q", got)
	}
	if got := Nearest("xyzzy", keys()); got != "" {
		t.Errorf("got %q", got)
	}
}
