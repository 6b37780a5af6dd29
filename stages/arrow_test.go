package stages

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"pii/labels"
)

func example(id string, tokens int) Example {
	e := Example{ID: id}
	for i := range tokens {
		e.InputIDs = append(e.InputIDs, int32(i))
		e.Labels = append(e.Labels, int64(i%3)-1)
		e.Offsets = append(e.Offsets, labels.Offset{Start: 2 * i, End: 2*i + 1})
	}
	return e
}

func writeExamples(t *testing.T, path string, examples []Example) {
	t.Helper()
	w, err := createExamples(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range examples {
		if err := w.write(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.close(); err != nil {
		t.Fatal(err)
	}
}

func TestArrowRoundTrip(t *testing.T) {
	many := []Example{example("empty", 0), example("[CLS][SEP]", 2), example("é 👋", 128), example("é 👋", 128), example("long", 5000)}
	for i := range 2*arrowBatch + 1 {
		many = append(many, example(fmt.Sprint(i), i%70))
	}
	for _, examples := range [][]Example{nil, many[:1], many[:5], many[:arrowBatch], many} {
		path := filepath.Join(t.TempDir(), "x.arrow")
		writeExamples(t, path, examples)
		back, err := readExamples(path)
		if err != nil {
			t.Fatal(err)
		}
		if len(back) != len(examples) {
			t.Fatalf("%d examples came back of %d", len(back), len(examples))
		}
		for i := range back {
			if !reflect.DeepEqual(back[i], examples[i]) {
				t.Fatalf("example %d: wrote %+v, read %+v", i, examples[i], back[i])
			}
		}
	}
}

// foreignStream writes one row with the given columns, as another program would.
func foreignStream(t *testing.T, fields []arrow.Field) string {
	t.Helper()
	var b bytes.Buffer
	foreign := arrow.NewSchema(fields, nil)
	w := ipc.NewWriter(&b, ipc.WithSchema(foreign))
	builder := array.NewRecordBuilder(memory.DefaultAllocator, foreign)
	defer builder.Release()
	for _, f := range builder.Fields() {
		f.AppendEmptyValue()
	}
	record := builder.NewRecordBatch()
	defer record.Release()
	if err := w.Write(record); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return writeFile(t, "foreign.arrow", b.String())
}

func TestForeignStreams(t *testing.T) {
	fields := schema.Fields()
	reversed := []arrow.Field{fields[3], fields[2], {Name: "more", Type: arrow.PrimitiveTypes.Float32}, fields[1], fields[0]}
	if _, err := readExamples(foreignStream(t, reversed)); err != nil {
		t.Errorf("columns in another order: %v", err)
	}
	for i, f := range fields {
		without := append(append([]arrow.Field(nil), fields[:i]...), fields[i+1:]...)
		wrong := append(append([]arrow.Field(nil), without...), arrow.Field{Name: f.Name, Type: arrow.PrimitiveTypes.Float64})
		for _, list := range [][]arrow.Field{without, wrong} {
			path := foreignStream(t, list)
			if _, err := readExamples(path); err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), f.Name) {
				t.Errorf("without a good column %s: %v", f.Name, err)
			}
		}
	}
	list := append([]arrow.Field(nil), fields...)
	list[3].Type = arrow.ListOf(arrow.PrimitiveTypes.Int32)
	if _, err := readExamples(foreignStream(t, list)); err == nil || !strings.Contains(err.Error(), "offsets") {
		t.Errorf("offsets that are no pairs: %v", err)
	}
}

func TestBrokenStreams(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.arrow")
	writeExamples(t, path, []Example{example("a", 50), example("b", 60)})
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, content := range []string{"", "no arrow", string(whole[:100]), string(whole[:len(whole)-200])} {
		broken := writeFile(t, "broken.arrow", content)
		if _, err := readExamples(broken); err == nil || !strings.Contains(err.Error(), broken) {
			t.Errorf("%d bytes: %v", len(content), err)
		}
	}
	uneven := example("a", 5)
	uneven.Labels = uneven.Labels[:4]
	writeExamples(t, path, []Example{uneven})
	if _, err := readExamples(path); err == nil || !strings.Contains(err.Error(), "differ in length") {
		t.Errorf("columns of different length: %v", err)
	}
}
