package synth

import (
	"fmt"
	"strings"
)

// grammar is a file of frames, by section.
type grammar struct {
	sections map[string][]frame
	carry    map[string][]frame // frames of the section "carry" by the entity types they may hold
}

// frame is a sequence of words, slots and choices.
type frame []node

// node is one of: a word, a slot, a section any frame of which may stand there, a choice among frames.
type node struct {
	word   string
	slot   string
	rule   string
	choice []frame
}

// loadGrammar reads a file of frames. The comment at its head says how it is written.
func loadGrammar(name string) (*grammar, error) {
	raw, err := files.ReadFile("frames/" + name + ".txt")
	if err != nil {
		return nil, fmt.Errorf("frames %s: %w", name, err)
	}
	g := &grammar{sections: map[string][]frame{}, carry: map[string][]frame{}}
	section, number := "", 0
	for line := range strings.Lines(string(raw)) {
		number++
		line, _, _ = strings.Cut(line, "#")
		line = strings.TrimSpace(line)
		switch {
		case line == "":
		case strings.HasPrefix(line, "["):
			section = strings.Trim(line, "[]")
		default:
			f, err := parseFrame(line)
			if err != nil {
				return nil, fmt.Errorf("frames %s:%d: %w", name, number, err)
			}
			g.add(section, f)
		}
	}
	if err := g.check(); err != nil {
		return nil, fmt.Errorf("frames %s: %w", name, err)
	}
	return g, nil
}

// check names a section that a frame refers to and that is not there, or has entities of its own.
func (g *grammar) check() error {
	if len(g.sections["and"]) == 0 {
		return fmt.Errorf("there is no section \"and\"")
	}
	for _, frames := range g.sections {
		for _, f := range frames {
			for _, rule := range f.rules(nil) {
				if len(g.sections[rule]) == 0 {
					return fmt.Errorf("there is no section %q", rule)
				}
				for _, referred := range g.sections[rule] {
					if referred.labels(nil) != nil {
						return fmt.Errorf("section %q is referred to and has entities", rule)
					}
				}
			}
		}
	}
	return nil
}

// rules appends the sections that the frame refers to.
func (f frame) rules(found []string) []string {
	for _, n := range f {
		if n.rule != "" {
			found = append(found, n.rule)
		}
		for _, branch := range n.choice {
			found = branch.rules(found)
		}
	}
	return found
}

func (g *grammar) add(section string, f frame) {
	g.sections[section] = append(g.sections[section], f)
	if section != "carry" {
		return
	}
	seen := map[string]bool{}
	for _, label := range f.labels(nil) {
		if !seen[label] {
			g.carry[label] = append(g.carry[label], f)
		}
		seen[label] = true
	}
}

// labels appends the entity types of the frame's slots.
func (f frame) labels(found []string) []string {
	for _, n := range f {
		if label := slots[n.slot].label; label != "" {
			found = append(found, label)
		}
		for _, branch := range n.choice {
			found = branch.labels(found)
		}
	}
	return found
}

func parseFrame(line string) (frame, error) {
	p := &frameParser{rest: line}
	f, err := p.sequence()
	if err != nil {
		return nil, err
	}
	if p.rest != "" {
		return nil, fmt.Errorf("%q closes or divides no choice", p.rest[:1])
	}
	return f, nil
}

type frameParser struct{ rest string }

// sequence parses up to the end of the line, or of the branch it stands in.
func (p *frameParser) sequence() (frame, error) {
	var f frame
	for {
		p.rest = strings.TrimLeft(p.rest, " ")
		switch {
		case p.rest == "" || p.rest[0] == '|' || p.rest[0] == ')':
			return f, nil
		case p.rest[0] == '(':
			n, err := p.choice()
			if err != nil {
				return nil, err
			}
			f = append(f, n)
		case p.rest[0] == '{':
			name, after, ok := strings.Cut(p.rest[1:], "}")
			if _, known := slots[name]; !ok || !known {
				return nil, fmt.Errorf("there is no slot {%s}", name)
			}
			f, p.rest = append(f, node{slot: name}), after
		case p.rest[0] == '<':
			name, after, ok := strings.Cut(p.rest[1:], ">")
			if !ok {
				return nil, fmt.Errorf("a section's name is not closed")
			}
			f, p.rest = append(f, node{rule: name}), after
		default:
			end := strings.IndexAny(p.rest, " |(){<")
			if end < 0 {
				end = len(p.rest)
			}
			f, p.rest = append(f, node{word: p.rest[:end]}), p.rest[end:]
		}
	}
}

func (p *frameParser) choice() (node, error) {
	var n node
	for p.rest = p.rest[1:]; ; p.rest = p.rest[1:] {
		branch, err := p.sequence()
		if err != nil {
			return n, err
		}
		n.choice = append(n.choice, branch)
		if p.rest == "" {
			return n, fmt.Errorf("a choice is not closed")
		}
		if p.rest[0] == ')' {
			p.rest = p.rest[1:]
			return n, nil
		}
	}
}
