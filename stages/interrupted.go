package stages

import "fmt"

// InterruptedError says of an interrupted command what it has done, and how to go on, where the same command does not.
type InterruptedError struct {
	left string
	err  error
}

func (e *InterruptedError) Error() string { return "interrupted; " + e.left }
func (e *InterruptedError) Unwrap() error { return e.err }

// leftUndone says what an interruption has left of a prediction from or to a stream, in which so many lines were written.
func (o PredictOptions) leftUndone(written int) string {
	if written > 0 && isStream(o.Output) {
		return fmt.Sprintf("the predictions of the first %d transcripts are written; to go on, give it those from number %d on", written, written+1)
	}
	return "no prediction is written, and the whole input is to be read again; from a file to a file, the same command goes on from what was saved"
}
