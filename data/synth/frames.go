package synth

import (
	"fmt"
	"slices"
	"strings"
)

// grammar is a folder of files of frames. Each file is a register: its sections of the names below are its own; every other
// section is a part that frames of all files may refer to.
type grammar struct {
	sections map[string][]frame            // own sections as "register/section", parts by their name
	carry    map[string]map[string][]frame // frames of the section "carry" of a register by the entity types they may hold
}

// general is the register whose sections stand in for those that another lacks.
const general = "general"

// ownSection reports whether a section belongs to its register: an opener, what carries entities, what looks like one, what
// has none, a closer, a whole dialogue, a question, its answer or a refusal.
func ownSection(name string) bool {
	kind, _, _ := strings.Cut(name, " ")
	return slices.Contains([]string{"open", "carry", "look", "chat", "close", "script", "ask", "answer", "refuse"}, kind)
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

// loadGrammar reads a folder of frames. The comment at the head of common/general.txt says how they are written.
func loadGrammar(name string) (*grammar, error) {
	entries, err := files.ReadDir("frames/" + name)
	if err != nil {
		return nil, fmt.Errorf("frames %s: %w", name, err)
	}
	g := &grammar{sections: map[string][]frame{}, carry: map[string]map[string][]frame{}}
	for _, entry := range entries {
		if err := g.read("frames/"+name+"/"+entry.Name(), strings.TrimSuffix(entry.Name(), ".txt")); err != nil {
			return nil, err
		}
	}
	if err := g.check(); err != nil {
		return nil, fmt.Errorf("frames %s: %w", name, err)
	}
	g.index()
	return g, nil
}

func (g *grammar) read(path, register string) error {
	raw, err := files.ReadFile(path)
	if err != nil {
		return err
	}
	section, number := "", 0
	for line := range strings.Lines(string(raw)) {
		number++
		line, _, _ = strings.Cut(line, "#")
		line = strings.TrimSpace(line)
		switch {
		case line == "":
		case strings.HasPrefix(line, "["):
			if section = strings.Trim(line, "[]"); ownSection(section) {
				section = register + "/" + section
			}
		default:
			f, err := parseFrame(line)
			if err != nil {
				return fmt.Errorf("%s:%d: %w", path, number, err)
			}
			g.sections[section] = append(g.sections[section], f)
		}
	}
	return nil
}

// section gives the frames of a register's section, or those of the general register where it has none.
func (g *grammar) section(register, name string) []frame {
	if frames := g.sections[register+"/"+name]; len(frames) > 0 {
		return frames
	}
	return g.sections[general+"/"+name]
}

// carriers gives the frames of a register that may hold an entity, or those of the general register.
func (g *grammar) carriers(register, label string) []frame {
	if frames := g.carry[register][label]; len(frames) > 0 {
		return frames
	}
	return g.carry[general][label]
}

// check names a part that a frame refers to and that is not there, or refers to itself.
func (g *grammar) check() error {
	if len(g.sections["and"]) == 0 {
		return fmt.Errorf("there is no section \"and\"")
	}
	done := map[string]bool{}
	for name := range g.sections {
		if err := g.follow(name, nil, done); err != nil {
			return err
		}
	}
	return nil
}

func (g *grammar) follow(name string, path []string, done map[string]bool) error {
	if slices.Contains(path, name) {
		return fmt.Errorf("section %q refers to itself", name)
	}
	if len(g.sections[name]) == 0 {
		return fmt.Errorf("there is no section %q", name)
	}
	if done[name] {
		return nil
	}
	for _, f := range g.sections[name] {
		for _, rule := range f.rules(nil) {
			if err := g.follow(rule, append(path, name), done); err != nil {
				return err
			}
		}
	}
	done[name] = true
	return nil
}

// rules appends the parts that the frame refers to.
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

// index sorts the frames of the sections "carry" by the entity types they may hold.
func (g *grammar) index() {
	for name, frames := range g.sections {
		register, section, _ := strings.Cut(name, "/")
		if section != "carry" {
			continue
		}
		g.carry[register] = map[string][]frame{}
		for _, f := range frames {
			found := g.labels(f, nil)
			slices.Sort(found)
			for _, label := range slices.Compact(found) {
				g.carry[register][label] = append(g.carry[register][label], f)
			}
		}
	}
}

// labels appends the entity types of the frame's slots and of those in the parts it refers to.
func (g *grammar) labels(f frame, found []string) []string {
	for _, n := range f {
		if label := slots[n.slot].label; label != "" {
			found = append(found, label)
		}
		for _, branch := range n.choice {
			found = g.labels(branch, found)
		}
		if n.rule != "" {
			for _, part := range g.sections[n.rule] {
				found = g.labels(part, found)
			}
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
