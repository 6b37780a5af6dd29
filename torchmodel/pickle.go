package torchmodel

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// unpickler runs the part of Python's pickle protocol 2 that a saved state_dict needs. A pickle is a program for a stack
// machine that may call any function of Python by its name; here the names are given to call, which knows a handful and runs
// nothing. What a program can make is bounded by its length: every instruction adds one record at most.
type unpickler struct {
	code       []byte
	at         int // of the next instruction
	stack      []any
	marks      []int // heights of the stack
	memo       map[uint32]any
	known      func(global) error // refuses a name
	call       func(function global, args tuple) (any, error)
	persistent func(id tuple) (any, error)
}

// The records that a program makes, beside nil, bool, int64, float64 and string.
type (
	tuple  []any
	list   struct{ items []any }
	dict   struct{ keys, values []any }
	global string // module.name
)

// maxPickle bounds a program, and with it the memory that it can ask for. A DistilBERT has 20 kB.
const maxPickle = 1 << 20

// load runs one program to its end and returns what it leaves.
func (u *unpickler) load() (any, error) {
	u.stack, u.marks, u.memo = nil, nil, map[uint32]any{}
	for {
		start := u.at
		op, err := u.take(1)
		if err != nil {
			return nil, err
		}
		if op[0] == '.' {
			x, err := u.pop(1)
			if err != nil {
				return nil, err
			}
			return x[0], nil
		}
		run := opcodes[op[0]]
		if run == nil {
			return nil, fmt.Errorf("byte %d of the pickle: the instruction 0x%02x is not one that a state_dict needs", start, op[0])
		}
		if err := run(u); err != nil {
			return nil, fmt.Errorf("byte %d of the pickle: %w", start, err)
		}
	}
}

// opcodes are the instructions, named as in Python's pickle.py.
var opcodes = [256]func(*unpickler) error{
	0x80: (*unpickler).proto,
	'N':  push(nil), 0x88: push(true), 0x89: push(false), ')': push(tuple(nil)), // NONE NEWTRUE NEWFALSE EMPTY_TUPLE
	']':  func(u *unpickler) error { return u.push(&list{}) },                                  // EMPTY_LIST
	'}':  func(u *unpickler) error { return u.push(&dict{}) },                                  // EMPTY_DICT
	'J':  number(4, func(b []byte) any { return int64(int32(binary.LittleEndian.Uint32(b))) }), // BININT
	'K':  number(1, func(b []byte) any { return int64(b[0]) }),                                 // BININT1
	'M':  number(2, func(b []byte) any { return int64(binary.LittleEndian.Uint16(b)) }),        // BININT2
	'G':  number(8, func(b []byte) any { return math.Float64frombits(binary.BigEndian.Uint64(b)) }),
	0x8a: (*unpickler).long1, 'X': text(4), 'U': text(1), // LONG1 BINUNICODE SHORT_BINSTRING
	'(': (*unpickler).mark, 't': (*unpickler).tuple, 0x85: tuples(1), 0x86: tuples(2), 0x87: tuples(3), // TUPLE TUPLE1…3
	'a': (*unpickler).append1, 'e': (*unpickler).appends, 's': (*unpickler).setItem, 'u': (*unpickler).setItems,
	'q': put(1), 'r': put(4), 'h': get(1), 'j': get(4), // BINPUT LONG_BINPUT BINGET LONG_BINGET
	'c': (*unpickler).global, 'R': (*unpickler).reduce, 'b': (*unpickler).build, 'Q': (*unpickler).persID,
}

// take returns the next bytes of the program.
func (u *unpickler) take(n int) ([]byte, error) {
	if n > len(u.code)-u.at {
		return nil, fmt.Errorf("the pickle ends at byte %d, within an instruction, or is larger than %d bytes", len(u.code), maxPickle)
	}
	u.at += n
	return u.code[u.at-n : u.at], nil
}

func (u *unpickler) push(x any) error {
	u.stack = append(u.stack, x)
	return nil
}

// pop takes the last n records off the stack, down to the last mark at most.
func (u *unpickler) pop(n int) ([]any, error) {
	floor := 0
	if len(u.marks) > 0 {
		floor = u.marks[len(u.marks)-1]
	}
	if len(u.stack)-floor < n {
		return nil, errors.New("the stack has too little on it")
	}
	items := u.stack[len(u.stack)-n:]
	u.stack = u.stack[:len(u.stack)-n]
	return items, nil
}

// popMark takes what lies above the last mark, and the mark. The records are copied: the stack grows over their place.
func (u *unpickler) popMark() ([]any, error) {
	if len(u.marks) == 0 {
		return nil, errors.New("there is no mark on the stack")
	}
	floor := u.marks[len(u.marks)-1]
	items := append([]any(nil), u.stack[floor:]...)
	u.marks, u.stack = u.marks[:len(u.marks)-1], u.stack[:floor]
	return items, nil
}

func push(x any) func(*unpickler) error {
	return func(u *unpickler) error { return u.push(x) }
}

func (u *unpickler) proto() error {
	b, err := u.take(1)
	if err == nil && b[0] != 2 {
		err = fmt.Errorf("pickle protocol %d; torch.save writes 2, and 2 is read", b[0])
	}
	return err
}

func number(size int, decode func([]byte) any) func(*unpickler) error {
	return func(u *unpickler) error {
		b, err := u.take(size)
		if err != nil {
			return err
		}
		return u.push(decode(b))
	}
}

// long1 is an integer of up to 8 bytes; a longer one, such as the magic number, is left as its bytes in a string.
func (u *unpickler) long1() error {
	b, err := u.size(1)
	if err != nil {
		return err
	}
	if len(b) > 8 {
		return u.push(string(b))
	}
	value := int64(0)
	for i, digit := range b {
		value |= int64(digit) << (8 * i)
	}
	if n := len(b); n > 0 && n < 8 && b[n-1] >= 0x80 {
		value -= 1 << (8 * n)
	}
	return u.push(value)
}

func text(width int) func(*unpickler) error {
	return func(u *unpickler) error {
		b, err := u.size(width)
		if err != nil {
			return err
		}
		return u.push(string(b))
	}
}

// size takes a length of so many bytes, and then what has that length.
func (u *unpickler) size(width int) ([]byte, error) {
	n, err := u.index(width)
	if err != nil {
		return nil, err
	}
	return u.take(int(n))
}

func (u *unpickler) index(width int) (uint32, error) {
	b, err := u.take(width)
	if err != nil {
		return 0, err
	}
	if width == 1 {
		return uint32(b[0]), nil
	}
	return binary.LittleEndian.Uint32(b), nil
}

func (u *unpickler) mark() error {
	u.marks = append(u.marks, len(u.stack))
	return nil
}

func (u *unpickler) tuple() error {
	items, err := u.popMark()
	if err != nil {
		return err
	}
	return u.push(tuple(items))
}

func tuples(n int) func(*unpickler) error {
	return func(u *unpickler) error {
		items, err := u.pop(n)
		if err != nil {
			return err
		}
		return u.push(append(tuple(nil), items...))
	}
}

func (u *unpickler) append1() error {
	items, err := u.pop(1)
	if err != nil {
		return err
	}
	return u.extend(items)
}

func (u *unpickler) appends() error {
	items, err := u.popMark()
	if err != nil {
		return err
	}
	return u.extend(items)
}

func (u *unpickler) extend(items []any) error {
	target, err := topOf[*list](u)
	if err == nil {
		target.items = append(target.items, items...)
	}
	return err
}

func (u *unpickler) setItem() error {
	items, err := u.pop(2)
	if err != nil {
		return err
	}
	return u.set(items)
}

func (u *unpickler) setItems() error {
	items, err := u.popMark()
	if err != nil {
		return err
	}
	return u.set(items)
}

func (u *unpickler) set(items []any) error {
	target, err := topOf[*dict](u)
	if err != nil {
		return err
	}
	if len(items)%2 != 0 {
		return errors.New("a key has no value")
	}
	for i := 0; i < len(items); i += 2 {
		target.keys, target.values = append(target.keys, items[i]), append(target.values, items[i+1])
	}
	return nil
}

// topOf is the record on top of the stack, which stays there and must be a T.
func topOf[T any](u *unpickler) (x T, err error) {
	items, err := u.pop(1)
	if err != nil {
		return x, err
	}
	x, ok := items[0].(T)
	if !ok {
		return x, fmt.Errorf("a %T is on the stack, not a %T", items[0], x)
	}
	return x, u.push(x)
}

func put(width int) func(*unpickler) error {
	return func(u *unpickler) error {
		index, err := u.index(width)
		if err != nil {
			return err
		}
		x, err := topOf[any](u)
		u.memo[index] = x
		return err
	}
}

func get(width int) func(*unpickler) error {
	return func(u *unpickler) error {
		index, err := u.index(width)
		if err != nil {
			return err
		}
		x, ok := u.memo[index]
		if !ok {
			return fmt.Errorf("nothing was put at %d", index)
		}
		return u.push(x)
	}
}

func (u *unpickler) global() error {
	var parts [2]string
	for i := range parts {
		end := bytes.IndexByte(u.code[u.at:], '\n')
		if end < 0 {
			return errors.New("a name has no end")
		}
		parts[i] = string(u.code[u.at : u.at+end])
		u.at += end + 1
	}
	name := global(parts[0] + "." + parts[1])
	if err := u.known(name); err != nil {
		return err
	}
	return u.push(name)
}

func (u *unpickler) reduce() error {
	items, err := u.pop(2)
	if err != nil {
		return err
	}
	function, isGlobal := items[0].(global)
	args, isTuple := items[1].(tuple)
	if !isGlobal || !isTuple {
		return fmt.Errorf("a %T is called with a %T", items[0], items[1])
	}
	x, err := u.call(function, args)
	if err != nil {
		return err
	}
	return u.push(x)
}

// build would give an object attributes. An OrderedDict of torch has _metadata, which says nothing of its tensors.
func (u *unpickler) build() error {
	if _, err := u.pop(1); err != nil {
		return err
	}
	_, err := topOf[*dict](u)
	return err
}

func (u *unpickler) persID() error {
	items, err := u.pop(1)
	if err != nil {
		return err
	}
	id, ok := items[0].(tuple)
	if !ok {
		return fmt.Errorf("a %T names a storage, not a tuple", items[0])
	}
	x, err := u.persistent(id)
	if err != nil {
		return err
	}
	return u.push(x)
}

// has reports whether a key has a value.
func (d *dict) has(key string, value any) bool {
	for i := range d.keys {
		if d.keys[i] == key {
			return d.values[i] == value
		}
	}
	return false
}
