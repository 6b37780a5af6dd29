package torchmodel

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// engineShapes are models whose sizes are and are not multiples of what the engine's loops take at once.
func engineShapes() map[string]Config {
	odd, relu, base, small := testConfig(), testConfig(), testConfig(), testConfig()
	odd.Dim, odd.HiddenDim, odd.Heads, odd.Layers = 39, 53, 3, 1
	relu.Activation = "relu"
	small.Dim, small.HiddenDim, small.Heads, small.MaxPositions, small.VocabSize = 192, 768, 6, 300, 400
	small.InitializerRange = 0.05
	base.Dim, base.HiddenDim, base.Heads, base.Layers, base.MaxPositions = 768, 3072, 12, 2, 300
	base.InitializerRange = 0.02
	shapes := map[string]Config{"odd": odd, "relu": relu, "small": small, "base": base}
	if os.Getenv(helperVariable) == olderProcessor {
		delete(shapes, "base") // it takes longest, and goes through the loops that small goes through
	}
	return shapes
}

// manyLengths are rows of one token, of the longest, and of lengths between.
func manyLengths(c Config, random *rand.Rand, n int) []Row {
	rows := make([]Row, n)
	for i := range rows {
		length := 1 + random.IntN(min(c.MaxPositions, 40))
		switch i {
		case 0:
			length = 1
		case 1:
			length = c.MaxPositions
		}
		rows[i].IDs = make([]int32, length)
		for t := range rows[i].IDs {
			rows[i].IDs[t] = int32(random.IntN(c.VocabSize))
		}
	}
	return rows
}

// openThreads opens the CPU with a number of threads.
func openThreads(t testing.TB, threads int) *Session {
	t.Helper()
	s, err := Open("cpu", threads)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func newModel(t testing.TB, s *Session, c Config) *Model {
	t.Helper()
	m, err := s.New(c, 5)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func logitsOf(t testing.TB, m *Model, rows []Row) [][]float32 {
	t.Helper()
	logits, err := m.Logits(rows)
	if err != nil {
		t.Fatal(err)
	}
	return logits
}

func prepare(t testing.TB, m *Model, precision string, by products) {
	t.Helper()
	if err := m.prepare(precision, by); err != nil {
		t.Fatal(err)
	}
}

// prepares prepares a model where this processor has the precision.
func prepares(t testing.TB, m *Model, precision string, by products) bool {
	t.Helper()
	err := m.prepare(precision, by)
	var none *NoPrecisionError
	if err != nil && !errors.As(err, &none) {
		t.Fatal(err)
	}
	return err == nil
}

// apart is the largest difference of two sets of logits, and the share of tokens with the same best class.
func apart(t testing.TB, a, b [][]float32, width int) (worst, same float64) {
	t.Helper()
	equal, tokens := 0, 0
	for i := range a {
		if len(a[i]) != len(b[i]) {
			t.Fatalf("row %d has %d logits and %d", i, len(a[i]), len(b[i]))
		}
		for k := range a[i] {
			worst = math.Max(worst, math.Abs(float64(a[i][k]-b[i][k])))
		}
		for at := 0; at < len(a[i]); at += width {
			tokens++
			if best(a[i][at:at+width]) == best(b[i][at:at+width]) {
				equal++
			}
		}
	}
	return worst, float64(equal) / float64(tokens)
}

func best(scores []float32) int {
	at := 0
	for k, s := range scores {
		if s > scores[at] {
			at = k
		}
	}
	return at
}

// hasOneDNN reports whether the library was built with it.
func hasOneDNN(t testing.TB) bool {
	t.Helper()
	m := newModel(t, openSession(t), testConfig())
	return m.prepare(FP32, byOneDNN) == nil
}

func makers(t testing.TB) map[string]products {
	all := map[string]products{"own": byOwn}
	if hasOneDNN(t) {
		all["onednn"] = byOneDNN
	}
	return all
}

func TestEngineEqualsLibtorch(t *testing.T) {
	for shape, config := range engineShapes() {
		for maker, by := range makers(t) {
			for _, threads := range []int{1, 2} {
				if threads > 1 && (by == byOneDNN || shape == "base") {
					continue // oneDNN's threads are its own, and what base shows beside small, one thread shows
				}
				t.Run(fmt.Sprint(shape, " ", maker, " ", threads), func(t *testing.T) {
					m := newModel(t, openThreads(t, threads), config)
					rows := manyLengths(config, rand.New(rand.NewPCG(1, 2)), 9)
					want := logitsOf(t, m, rows)
					prepare(t, m, FP32, by)
					if worst, _ := apart(t, logitsOf(t, m, rows), want, len(config.Labels)); !(worst <= 1e-4) {
						t.Errorf("logits differ by up to %g", worst)
					}
				})
			}
		}
	}
}

func TestEngineEqualsTransformers(t *testing.T) {
	var golden []goldenBatch
	readGolden(t, goldens+"logits.json", &golden)
	for maker, by := range makers(t) {
		m := loadTiny(t, openSession(t))
		prepare(t, m, FP32, by)
		for _, g := range golden {
			g.compare(t, logitsOf(t, m, g.rows()), 1e-4)
		}
		t.Logf("%s: products by %s", maker, m.Products())
	}
}

// TestEngineRoundsBytesLittle compares int8 with fp32, where random weights are the hardest case: no class stands out.
func TestEngineRoundsBytesLittle(t *testing.T) {
	for shape, config := range engineShapes() {
		for maker, by := range makers(t) {
			m := newModel(t, openThreads(t, 2), config)
			rows := manyLengths(config, rand.New(rand.NewPCG(1, 2)), 9)
			want := logitsOf(t, m, rows)
			if !prepares(t, m, INT8, by) {
				continue
			}
			if m.Precision() != INT8 {
				t.Errorf("the precision is %s", m.Precision())
			}
			worst, same := apart(t, logitsOf(t, m, rows), want, len(config.Labels))
			t.Logf("%s, %s: logits differ by up to %.3g, %.1f %% of the tags are equal", shape, maker, worst, 100*same)
			if same < 0.9 {
				t.Errorf("%s, %s: only %.1f %% of the tags are equal", shape, maker, 100*same)
			}
		}
	}
}

// TestEngineRoundsHalvesLittle compares bf16 with fp32, with random weights.
func TestEngineRoundsHalvesLittle(t *testing.T) {
	for shape, config := range engineShapes() {
		for maker, by := range makers(t) {
			m := newModel(t, openThreads(t, 2), config)
			rows := manyLengths(config, rand.New(rand.NewPCG(1, 2)), 9)
			want := logitsOf(t, m, rows)
			if !prepares(t, m, BF16, by) {
				continue
			}
			worst, same := apart(t, logitsOf(t, m, rows), want, len(config.Labels))
			t.Logf("%s, %s: logits differ by up to %.3g, %.1f %% of the tags are equal", shape, maker, worst, 100*same)
			if !(worst < 0.03) || same < 0.9 {
				t.Errorf("%s, %s: logits differ by up to %g, %.1f %% of the tags are equal", shape, maker, worst, 100*same)
			}
		}
	}
}

// olderProcessor is the helper variable's value where newer instructions are hidden.
const olderProcessor = "older"

// TestEngineOnOlderProcessors runs this file's tests of results again with newer instructions hidden.
func TestEngineOnOlderProcessors(t *testing.T) {
	const variable = "ONEDNN_MAX_CPU_ISA"
	if os.Getenv(variable) != "" {
		t.Skip(variable + " is set")
	}
	newest := runHelper(t, "products")
	for _, c := range []struct{ isa, products string }{{"SSE41", "any"}, {"AVX2", "AVX2"}, {"AVX512_CORE", "AVX-512"}, {"AVX512_CORE_VNNI", "AVX-512 VNNI"}} {
		t.Run(c.isa, func(t *testing.T) {
			hidden := variable + "=" + c.isa
			products := runHelper(t, "products", hidden)
			if !strings.Contains(products, "products by "+c.products+".") && products != newest {
				t.Errorf("%s, want %s, or that of the processor: %s", products, c.products, newest)
			}
			if products == newest {
				t.Skip("this processor has nothing newer")
			}
			command := exec.Command(os.Args[0], "-test.run=^TestEngine(Equals|Rounds|DoesNotDepend|ResultsDoNot|TellsBroken)")
			command.Env = append(os.Environ(), hidden, helperVariable+"="+olderProcessor)
			if output, err := command.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, output)
			}
		})
	}
}

// TestInstructionsAreHiddenAsFromOneDNN: what oneDNN understands hides instructions from our loops too.
func TestInstructionsAreHiddenAsFromOneDNN(t *testing.T) {
	want := runHelper(t, "products", "ONEDNN_MAX_CPU_ISA=SSE41")
	for _, hidden := range [][]string{{"ONEDNN_MAX_CPU_ISA=sse41"}, {"ONEDNN_MAX_CPU_ISA=", "DNNL_MAX_CPU_ISA=SSE41"}} {
		if got := runHelper(t, "products", hidden...); got != want {
			t.Errorf("%q: %s, want %s", hidden, got, want)
		}
	}
}

func TestEngineDoesNotDependOnTheRestOfTheBatch(t *testing.T) {
	config := engineShapes()["small"]
	config.HiddenDim = 2560 // sums are formed in pieces
	for maker, by := range makers(t) {
		for _, precision := range []string{FP32, INT8} {
			m := newModel(t, openThreads(t, 2), config)
			rows := manyLengths(config, rand.New(rand.NewPCG(3, 2)), 60) // more tokens than go through at once
			if !prepares(t, m, precision, by) {
				continue
			}
			together := logitsOf(t, m, rows)
			for i, row := range rows {
				worst, _ := apart(t, logitsOf(t, m, []Row{row}), together[i:i+1], len(config.Labels))
				if by == byOwn && worst != 0 || !(worst <= 1e-4) {
					t.Fatalf("%s %s: row %d differs by %g alone and in the batch", maker, precision, i, worst)
				}
			}
		}
	}
}

func TestEngineResultsDoNotDependOnThreads(t *testing.T) {
	config := engineShapes()["small"]
	rows := manyLengths(config, rand.New(rand.NewPCG(3, 2)), 20)
	var results [][][]float32
	for _, threads := range []int{1, 2, 3} {
		m := newModel(t, openThreads(t, threads), config)
		prepare(t, m, FP32, byOwn)
		results = append(results, logitsOf(t, m, rows))
	}
	if !reflect.DeepEqual(results[0], results[1]) || !reflect.DeepEqual(results[0], results[2]) {
		t.Error("the number of threads changes the logits")
	}
}

// Threads wait for one another in other ways when there are more of them than processors, and after a while without work.
func TestEnginesOfSeveralSessionsAtOnce(t *testing.T) {
	config := engineShapes()["small"]
	rows := manyLengths(config, rand.New(rand.NewPCG(3, 2)), 8)
	alone := newModel(t, openThreads(t, 1), config)
	prepare(t, alone, FP32, byOwn)
	want := logitsOf(t, alone, rows)
	var models sync.WaitGroup
	for range 3 {
		m := newModel(t, openThreads(t, runtime.NumCPU()+1), config)
		prepare(t, m, FP32, byOwn)
		models.Go(func() {
			for range 50 {
				if got, err := m.Logits(rows); err != nil || !reflect.DeepEqual(got, want) {
					t.Errorf("beside others the logits differ from those of one thread alone (%v)", err)
					return
				}
			}
		})
	}
	models.Wait()
}

func TestEngineRefusesWhatTheModelDoes(t *testing.T) {
	m := newTestModel(t, openSession(t), 1)
	prepare(t, m, FP32, byBest)
	for want, row := range map[string]Row{"takes 1 to 24": {}, "has 25 tokens": {IDs: make([]int32, 25)},
		"token id 50": {IDs: []int32{1, 50}}, "token id -1": {IDs: []int32{-1}}} {
		if _, err := m.Logits([]Row{{IDs: []int32{1}}, row}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if err := m.Prepare("fp64"); err == nil || !strings.Contains(err.Error(), "fp64") {
		t.Errorf("precision fp64: %v", err)
	}
	if logits, err := m.Logits(nil); err != nil || logits != nil {
		t.Errorf("no rows: %v, %v", logits, err)
	}
}

// enginePrecisions are those that this processor has.
func enginePrecisions(t testing.TB, s *Session) (have []string) {
	t.Helper()
	for _, precision := range []string{FP32, BF16, INT8} {
		if prepares(t, newTestModel(t, s, 1), precision, byBest) {
			have = append(have, precision)
		}
	}
	return have
}

// noLogits is what is wrong with a model that is prepared in a precision.
func noLogits(m *Model, precision string) error {
	err := m.Prepare(precision)
	if err == nil {
		_, err = m.Logits([]Row{{IDs: []int32{1, 2, 3}}})
	}
	return err
}

// TestEngineTellsBrokenWeights fills one tensor after another with what is no number: the engine must not hide it.
func TestEngineTellsBrokenWeights(t *testing.T) {
	s := openSession(t)
	for _, precision := range enginePrecisions(t, s) {
		for _, none := range []uint32{0x7fc00000, 0x7f800001, 0x7fffffff} { // the last one would round to a zero of bf16
			for i := range newTestModel(t, s, 1).parameters {
				m := newTestModel(t, s, 1)
				if err := m.setAll(i, float64(math.Float32frombits(none))); err != nil {
					t.Fatal(err)
				}
				if err := noLogits(m, precision); err == nil || !strings.Contains(err.Error(), "number") {
					t.Errorf("%s: %s is %x, and it says %v", precision, m.parameters[i].Name, none, err)
				}
			}
		}
	}
}

// TestEngineTellsStatesThatAreNoNumbers has weights that are, with which the scores of attention overflow.
func TestEngineTellsStatesThatAreNoNumbers(t *testing.T) {
	s := openSession(t)
	for _, precision := range enginePrecisions(t, s) {
		m := newTestModel(t, s, 1)
		for i, p := range m.parameters {
			if strings.HasSuffix(p.Name, "q_lin.bias") || strings.HasSuffix(p.Name, "k_lin.bias") {
				if err := m.setAll(i, 1e30); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := noLogits(m, precision); err == nil || !strings.Contains(err.Error(), "not numbers") {
			t.Errorf("%s: scores of attention are infinite, and it says %v", precision, err)
		}
	}
}

// TestEngineForgetsWhatIsNoNumber: a text whose states are no numbers leaves nothing to the next one, also where the sizes are odd and
// rows are filled up.
func TestEngineForgetsWhatIsNoNumber(t *testing.T) {
	const broken = 7
	s := openThreads(t, 2)
	for _, precision := range enginePrecisions(t, s) {
		m := newModel(t, s, engineShapes()["odd"])
		if err := m.setRow(0, broken, math.Inf(1)); err != nil {
			t.Fatal(err)
		}
		prepare(t, m, precision, byBest)
		rows := []Row{{IDs: []int32{1, 2, 3}}}
		before := logitsOf(t, m, rows)
		if _, err := m.Logits([]Row{{IDs: []int32{broken, broken, broken, broken}}}); err == nil {
			t.Fatal("an infinite embedding gives logits")
		}
		if after, err := m.Logits(rows); err != nil || !reflect.DeepEqual(before, after) {
			t.Errorf("%s: logits are others after a text that has none: %v", precision, err)
		}
	}
}

// saved is the folder of a model with random weights.
func saved(t testing.TB, s *Session) string {
	t.Helper()
	dir := t.TempDir()
	if err := newTestModel(t, s, 1).Save(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestLoadToPredict(t *testing.T) {
	s := openSession(t)
	dir := saved(t, s)
	rows := randomRows(rand.New(rand.NewPCG(1, 1)), 20)
	for _, precision := range []string{Auto, FP32, INT8} {
		whole, err := s.Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer whole.Close()
		judged, err := whole.Judge(rows)
		if err != nil {
			t.Fatal(err)
		}
		prepare(t, whole, precision, byBest)
		m, err := s.LoadToPredict(dir, precision)
		if err != nil {
			t.Fatal(err)
		}
		if got := logitsOf(t, m, rows); !reflect.DeepEqual(got, logitsOf(t, whole, rows)) || m.Precision() != whole.Precision() {
			t.Errorf("%s: logits are not those of a model that was loaded and prepared", precision)
		}
		mine, err := m.Judge(rows)
		if err != nil {
			t.Fatal(err)
		}
		if mine.Tokens != judged.Tokens || math.Abs(mine.LossSum-judged.LossSum) > 0.02*judged.LossSum {
			t.Errorf("%s: judged %v and %v tokens, want %v and %v", precision, mine.LossSum, mine.Tokens, judged.LossSum, judged.Tokens)
		}
		checkPredictsOnly(t, m)
		if err := m.Close(); err != nil {
			t.Error(err)
		}
		if _, err := m.Logits(rows); !errors.Is(err, errClosed) {
			t.Errorf("a closed model: %v", err)
		}
	}
}

// checkPredictsOnly asks a model for what needs the weights that it has dropped.
func checkPredictsOnly(t *testing.T, m *Model) {
	t.Helper()
	_, train := m.NewTrainer(testOptimizer, Objective{})
	_, _, loss := m.Loss(randomRows(rand.New(rand.NewPCG(1, 1)), 2))
	for what, err := range map[string]error{"training": train, "loss": loss, "saving": m.Save(t.TempDir()), "freezing": m.Freeze(true, 1),
		"preparing": m.Prepare(FP32)} {
		if err == nil || !strings.Contains(err.Error(), "to predict only") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestLoadToPredictTellsWhatIsWrong(t *testing.T) {
	s := openSession(t)
	dir := saved(t, s)
	if _, err := s.LoadToPredict(dir, "fp64"); err == nil || !strings.Contains(err.Error(), "fp64") {
		t.Errorf("precision fp64: %v", err)
	}
	broken := newTestModel(t, s, 1)
	if err := broken.setAll(4, math.NaN()); err != nil { // the weight of a product
		t.Fatal(err)
	}
	if err := broken.Save(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := s.LoadToPredict(dir, INT8); err == nil || !strings.Contains(err.Error(), "not a finite number") {
		t.Errorf("a weight that is no number: %v", err)
	}
	if err := os.Truncate(dir+"/"+weightsName, 5000); err != nil {
		t.Fatal(err)
	}
	if _, err := s.LoadToPredict(dir, FP32); err == nil || !strings.Contains(err.Error(), "cut off") {
		t.Errorf("half a file: %v", err)
	}
}

func TestLoadingToPredictKeepsMemoryFlat(t *testing.T) {
	s := openSession(t)
	dir := saved(t, s)
	checkFlat(t, 500, 4<<20, func(n int) {
		for range n {
			m, err := s.LoadToPredict(dir, FP32)
			if err != nil {
				t.Fatal(err)
			}
			if err := m.Close(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestTrainingUndoesTheEngine(t *testing.T) {
	m := newTestModel(t, openSession(t), 1)
	rows := randomRows(rand.New(rand.NewPCG(1, 1)), 4)
	trainer, err := m.NewTrainer(testOptimizer, Objective{})
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Close()
	var state bytes.Buffer
	if err := trainer.Save(&state, map[string]string{}); err != nil {
		t.Fatal(err)
	}
	prepare(t, m, FP32, byBest)
	before := logitsOf(t, m, rows)
	trainSteps(t, trainer, 2)
	if worst, _ := apart(t, logitsOf(t, m, rows), before, len(testLabels)); worst == 0 || m.Products() != "libtorch" {
		t.Errorf("after training logits differ by %g, computed by %s", worst, m.Products())
	}
	prepare(t, m, FP32, byBest)
	path := t.TempDir() + "/state"
	if err := os.WriteFile(path, state.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := trainer.Restore(path); err != nil {
		t.Fatal(err)
	}
	if worst, _ := apart(t, logitsOf(t, m, rows), before, len(testLabels)); worst > 1e-4 {
		t.Errorf("after going back, logits differ by %g", worst)
	}
}

func TestEngineKeepsMemoryFlat(t *testing.T) {
	for maker, by := range makers(t) {
		for _, precision := range []string{FP32, INT8} {
			t.Run(maker+" "+precision, func(t *testing.T) {
				m := newTestModel(t, openThreads(t, 2), 1)
				prepare(t, m, precision, by)
				random := rand.New(rand.NewPCG(1, 1))
				checkFlat(t, 3000, 4<<20, func(batches int) {
					for range batches {
						logitsOf(t, m, randomRows(random, 8))
					}
				})
			})
		}
	}
}

// TestBytesAreInMemoryOnce: what an engine takes is nearer to one copy of the weights in bytes than to two.
func TestBytesAreInMemoryOnce(t *testing.T) {
	config := engineShapes()["base"]
	config.Layers = 6
	weights := int64(config.Layers * (4*config.Dim*config.Dim + 2*config.Dim*config.HiddenDim))
	for maker, by := range makers(t) {
		m := newModel(t, openThreads(t, 1), config)
		before := resident(t)
		if err := m.prepare(INT8, by); err != nil {
			t.Log(err)
			continue
		}
		if grown := resident(t) - before; grown > weights*5/4 {
			t.Errorf("%s: %d bytes of weights grew resident memory by %d bytes", maker, weights, grown)
		}
	}
}

// TestEngineAllocatesPerCallOnly: but for the results, a batch of many rows takes no more allocations than one of a single row.
func TestEngineAllocatesPerCallOnly(t *testing.T) {
	m := newTestModel(t, openThreads(t, 1), 1)
	prepare(t, m, FP32, byOwn)
	rows := randomRows(rand.New(rand.NewPCG(1, 1)), 64)
	count := func(rows []Row) float64 {
		return testing.AllocsPerRun(100, func() { logitsOf(t, m, rows) })
	}
	many, one := count(rows), count(rows[:1])
	t.Logf("allocations a call: %v with %d rows, %v with one", many, len(rows), one)
	if many > one {
		t.Errorf("%v allocations with %d rows, %v with one", many, len(rows), one)
	}
}

func TestPreparingKeepsMemoryFlat(t *testing.T) {
	m := newTestModel(t, openSession(t), 1)
	checkFlat(t, 1000, 4<<20, func(n int) {
		for range n {
			prepare(t, m, FP32, byBest)
		}
	})
}

// TestCloseDuringPredictions closes a model that others predict with: they get results or an error.
func TestCloseDuringPredictions(t *testing.T) {
	s := openThreads(t, 2)
	for range 20 {
		m := newTestModel(t, s, 1)
		prepare(t, m, FP32, byBest)
		var group sync.WaitGroup
		for w := range 4 {
			group.Go(func() {
				rows := randomRows(rand.New(rand.NewPCG(1, uint64(w))), 5)
				for range 20 {
					if _, err := m.Logits(rows); err != nil && !errors.Is(err, errClosed) {
						t.Error(err)
					}
				}
			})
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
		group.Wait()
	}
}

func TestPrecisionsByDevice(t *testing.T) {
	for _, c := range []struct{ name, device, want string }{{FP16, "cuda:0", FP16}, {FP32, "cuda:1", FP32}, {FP32, "cpu", FP32}} {
		if got, err := ResolvePrecision(c.name, c.device); got != c.want || err != nil {
			t.Errorf("%s on %s: %s, %v", c.name, c.device, got, err)
		}
	}
	var none *NoPrecisionError
	if _, err := ResolvePrecision(INT8, "cuda:0"); !errors.As(err, &none) {
		t.Errorf("int8 on cuda:0: %v", err)
	}
	if got, err := ResolvePrecision(Auto, "cpu"); err != nil || got != FP32 {
		t.Errorf("auto on the CPU: %s, %v", got, err)
	}
}

// BenchmarkLogits times one text of 23 tokens, and batches of 32 texts of 10 to 60.
func BenchmarkLogits(b *testing.B) {
	base := DistilBERTBase(5000, testLabels)
	for _, shape := range []struct {
		name   string
		config Config
	}{{"small", Small(5000, testLabels)}, {"base", base}} {
		m := newModel(b, openThreads(b, 0), shape.config)
		for _, way := range []string{"libtorch", FP32, INT8} {
			if way != "libtorch" {
				prepare(b, m, way, byBest)
			}
			random := rand.New(rand.NewPCG(1, 1))
			for _, texts := range []int{1, 32} {
				var rows []Row
				for range texts {
					rows = append(rows, Row{IDs: make([]int32, 23+random.IntN(texts))})
				}
				b.Run(fmt.Sprintf("%s/%s/%d", shape.name, way, texts), func(b *testing.B) {
					for b.Loop() {
						logitsOf(b, m, rows)
					}
				})
			}
		}
	}
}
