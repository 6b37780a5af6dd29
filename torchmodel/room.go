package torchmodel

import "strings"

// noMemory are parts of what libtorch and CUDA say where a device has no memory left; csrc/guard.h adds the first.
var noMemory = []string{"out of memory: ", "CUDA out of memory", "CUDA error: out of memory", "CUBLAS_STATUS_ALLOC_FAILED"}

// isOutOfMemory reports whether a computation failed for want of the device's memory. gotch tells errors as text alone.
func isOutOfMemory(err error) bool {
	if err == nil {
		return false
	}
	for _, part := range noMemory {
		if strings.Contains(err.Error(), part) {
			return true
		}
	}
	return false
}

// room is what a session has learned of its device's memory.
type room struct {
	most   int  // padded tokens that are computed at once; 0 for any number
	warned bool // once is enough
}

// cells is how many tokens rows have when they are padded to the longest.
func cells(rows []Row) int {
	longest := 0
	for _, row := range rows {
		longest = max(longest, len(row.IDs))
	}
	return longest * len(rows)
}

// parts divides rows, in order, into runs that there is room for; a single row is always one.
func (r *room) parts(rows []Row) [][]Row {
	if r.most == 0 {
		return [][]Row{rows}
	}
	var parts [][]Row
	for len(rows) > 0 {
		n := 1
		for n < len(rows) && cells(rows[:n+1]) <= r.most {
			n++
		}
		parts, rows = append(parts, rows[:n]), rows[n:]
	}
	return parts
}

// halve makes what is computed at once half of rows, for which there was no memory, and reports whether that can help.
func (s *Session) halve(rows []Row) bool {
	if len(rows) < 2 {
		return false
	}
	s.room.most = cells(rows) / 2
	if !s.room.warned && s.Warn != nil {
		s.Warn("%s has no memory for %d tokens at once; going on with half as many or fewer", s.Device(), cells(rows))
	}
	s.room.warned = true
	return true
}

// inParts computes rows, all at once or in as large parts as there is room for. It runs on the owner's thread.
func (s *Session) inParts(rows []Row, compute func(part []Row) error) error {
	for len(rows) > 0 {
		part := s.room.parts(rows)[0]
		err := s.shortOf(part)
		if err == nil {
			err = compute(part)
		}
		if isOutOfMemory(err) && s.halve(part) {
			continue
		}
		if err != nil {
			return err
		}
		rows = rows[len(part):]
	}
	return nil
}

// shortOf is the error that a test wants a computation of rows to fail with.
func (s *Session) shortOf(rows []Row) error {
	if s.shortage == nil {
		return nil
	}
	return s.shortage(cells(rows))
}
