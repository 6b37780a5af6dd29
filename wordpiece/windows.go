package wordpiece

import "fmt"

// Window is a stretch of an encoding that fits a model: [CLS], some of the encoding's tokens, [SEP].
type Window struct {
	Encoding
	// First is the index in the whole encoding of the window's first token after [CLS]: for 0 < i < Len()-1, the
	// window's token i is the whole encoding's token First+i-1.
	First int
}

// Windows cuts an encoding into overlapping windows of at most maxLength tokens, [CLS] and [SEP] included. Each starts
// with the last stride tokens of the one before, as Hugging Face's overflowing tokens do. An encoding that fits is one
// window. Every token of the encoding is in some window.
func Windows(enc Encoding, maxLength, stride int) ([]Window, error) {
	const specials = 2
	if enc.Len() < specials {
		return nil, fmt.Errorf("windows: an encoding of %d tokens lacks [CLS] and [SEP]", enc.Len())
	}
	room := maxLength - specials
	if stride < 0 || stride >= room {
		return nil, fmt.Errorf("windows: stride %d must be from 0 to below %d, the maximum length %d less [CLS] and [SEP]",
			stride, room, maxLength)
	}
	last := enc.Len() - 1 // where [SEP] is, after all tokens of the text
	if enc.Len() <= maxLength {
		return []Window{{enc, 1}}, nil
	}
	var windows []Window
	for first := 1; ; first += room - stride {
		end := min(first+room, last)
		windows = append(windows, Window{enc.cut(first, end), first})
		if end == last {
			return windows, nil
		}
	}
}

// cut is the encoding of the tokens [first, end) alone.
func (e Encoding) cut(first, end int) Encoding {
	last := e.Len() - 1
	out := Encoding{IDs: make([]int32, 0, end-first+2), Offsets: make([]Offset, 0, end-first+2)}
	out.add(e.IDs[0], e.Offsets[0])
	out.IDs = append(out.IDs, e.IDs[first:end]...)
	out.Offsets = append(out.Offsets, e.Offsets[first:end]...)
	out.add(e.IDs[last], e.Offsets[last])
	return out
}

// Owners tells for each token of the whole encoding from which Windows made windows, the index of the window that gives
// it most context: where the nearer edge at which the text was cut is farthest away; the earlier of two equal ones. The
// beginning and the end of the text are no cuts. [CLS] belongs to the first window, [SEP] to the last.
func Owners(windows []Window) []int {
	if len(windows) == 0 {
		return nil
	}
	final := windows[len(windows)-1]
	owners := make([]int, final.First+final.Len()-1)
	best := make([]int, len(owners)) // distance to the nearer cut edge, from 1; 0: no window yet
	for w, window := range windows {
		end := window.First + window.Len() - 2
		for token := window.First; token < end; token++ {
			distance := len(owners)
			if w > 0 {
				distance = min(distance, token-window.First+1)
			}
			if w < len(windows)-1 {
				distance = min(distance, end-token)
			}
			if distance > best[token] {
				best[token], owners[token] = distance, w
			}
		}
	}
	owners[len(owners)-1] = len(windows) - 1
	return owners
}
