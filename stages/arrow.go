package stages

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"pii/labels"
)

// Example is one window of a tokenized transcript, ready for training.
type Example struct {
	ID       string          // of the transcript; windows of one transcript share it
	InputIDs []int32         // [CLS] … [SEP]
	Labels   []int64         // tag of each token; labels.Ignored for special tokens
	Offsets  []labels.Offset // of each token in the transcript, in code points
}

// schema is that of an Arrow IPC stream which Python's datasets opens with Dataset.from_file.
var schema = arrow.NewSchema([]arrow.Field{
	{Name: "id", Type: arrow.BinaryTypes.String},
	{Name: "input_ids", Type: arrow.ListOf(arrow.PrimitiveTypes.Int32)},
	{Name: "labels", Type: arrow.ListOf(arrow.PrimitiveTypes.Int64)},
	{Name: "offsets", Type: arrow.ListOf(arrow.ListOf(arrow.PrimitiveTypes.Int32))},
}, nil)

// arrowBatch is how many examples one record batch of the stream holds.
const arrowBatch = 1000

// exampleWriter writes examples as an Arrow IPC stream, arrowBatch of them in memory at a time.
type exampleWriter struct {
	file    *os.File
	buffer  *bufio.Writer
	stream  *ipc.Writer
	builder *array.RecordBuilder
	pending int
	rows    int
}

func createExamples(path string) (*exampleWriter, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	buffer := bufio.NewWriterSize(f, 1<<20)
	return &exampleWriter{file: f, buffer: buffer, stream: ipc.NewWriter(buffer, ipc.WithSchema(schema)),
		builder: array.NewRecordBuilder(memory.DefaultAllocator, schema)}, nil
}

func (w *exampleWriter) write(e Example) error {
	id, err := field[*array.StringBuilder](w.builder, 0)
	if err != nil {
		return err
	}
	id.Append(e.ID)
	if err := appendList(w.builder, 1, func(b *array.Int32Builder) { b.AppendValues(e.InputIDs, nil) }); err != nil {
		return err
	}
	if err := appendList(w.builder, 2, func(b *array.Int64Builder) { b.AppendValues(e.Labels, nil) }); err != nil {
		return err
	}
	err = appendList(w.builder, 3, func(pairs *array.ListBuilder) {
		for _, o := range e.Offsets {
			pairs.Append(true)
			if ends, ok := pairs.ValueBuilder().(*array.Int32Builder); ok {
				ends.AppendValues([]int32{int32(o.Start), int32(o.End)}, nil)
			}
		}
	})
	if err != nil {
		return err
	}
	w.rows++
	if w.pending++; w.pending < arrowBatch {
		return nil
	}
	return w.flush()
}

func (w *exampleWriter) flush() error {
	record := w.builder.NewRecordBatch()
	defer record.Release()
	w.pending = 0
	return w.stream.Write(record)
}

// close writes what is pending and the end of the stream.
func (w *exampleWriter) close() error {
	var err error
	if w.pending > 0 || w.rows == 0 {
		err = w.flush()
	}
	w.builder.Release()
	if closeErr := w.stream.Close(); err == nil {
		err = closeErr
	}
	if flushErr := w.buffer.Flush(); err == nil {
		err = flushErr
	}
	if closeErr := w.file.Close(); err == nil {
		err = closeErr
	}
	return err
}

func field[B any](builder *array.RecordBuilder, i int) (B, error) {
	b, ok := builder.Field(i).(B)
	if !ok {
		return b, fmt.Errorf("column %s is not of the type that its schema says", schema.Field(i).Name)
	}
	return b, nil
}

// appendList adds one list to a list column; fill appends its values.
func appendList[B any](builder *array.RecordBuilder, i int, fill func(B)) error {
	list, err := field[*array.ListBuilder](builder, i)
	if err != nil {
		return err
	}
	values, ok := list.ValueBuilder().(B)
	if !ok {
		return fmt.Errorf("column %s does not hold the values that its schema says", schema.Field(i).Name)
	}
	list.Append(true)
	fill(values)
	return nil
}

// readExamples reads a whole stream that exampleWriter, or another program with the same columns, wrote.
func readExamples(path string) (examples []Example, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	reader, err := ipc.NewReader(bufio.NewReaderSize(f, 1<<20))
	if err != nil {
		return nil, fmt.Errorf("%s: not an Arrow stream: %w", path, err)
	}
	defer reader.Release()
	for _, want := range schema.Fields() {
		if got, ok := reader.Schema().FieldsByName(want.Name); !ok || !arrow.TypeEqual(got[0].Type, want.Type) {
			return nil, fmt.Errorf("%s: column %s must be of type %v", path, want.Name, want.Type)
		}
	}
	for {
		record, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return examples, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if examples, err = appendRecord(examples, record); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
}

func appendRecord(examples []Example, record arrow.RecordBatch) ([]Example, error) {
	id, err := column[*array.String](record, "id")
	if err != nil {
		return nil, err
	}
	lists := map[string]*array.List{}
	for _, name := range []string{"input_ids", "labels", "offsets"} {
		if lists[name], err = column[*array.List](record, name); err != nil {
			return nil, err
		}
	}
	ids, idsOK := lists["input_ids"].ListValues().(*array.Int32)
	tags, tagsOK := lists["labels"].ListValues().(*array.Int64)
	pairs, pairsOK := lists["offsets"].ListValues().(*array.List)
	if !idsOK || !tagsOK || !pairsOK {
		return nil, errors.New("a column does not hold the values that its schema says")
	}
	ends, ok := pairs.ListValues().(*array.Int32)
	if !ok {
		return nil, errors.New("offsets are not pairs of 32-bit integers")
	}
	for row := range int(record.NumRows()) {
		e := Example{ID: id.Value(row)}
		from, to := lists["input_ids"].ValueOffsets(row)
		e.InputIDs = append(e.InputIDs, ids.Int32Values()[from:to]...)
		from, to = lists["labels"].ValueOffsets(row)
		e.Labels = append(e.Labels, tags.Int64Values()[from:to]...)
		from, to = lists["offsets"].ValueOffsets(row)
		for i := from; i < to; i++ {
			at, _ := pairs.ValueOffsets(int(i))
			e.Offsets = append(e.Offsets, labels.Offset{Start: int(ends.Value(int(at))), End: int(ends.Value(int(at) + 1))})
		}
		if len(e.InputIDs) != len(e.Labels) || len(e.InputIDs) != len(e.Offsets) {
			return nil, fmt.Errorf("transcript %q: its columns differ in length", e.ID)
		}
		examples = append(examples, e)
	}
	return examples, nil
}

func column[A any](record arrow.RecordBatch, name string) (A, error) {
	var none A
	indices := record.Schema().FieldIndices(name)
	if len(indices) == 0 {
		return none, fmt.Errorf("there is no column %s", name)
	}
	values, ok := record.Column(indices[0]).(A)
	if !ok {
		return none, fmt.Errorf("column %s has another type", name)
	}
	return values, nil
}
