package stages

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// DefaultConfigFile is read where no file is named, if it exists.
const DefaultConfigFile = "pii.yaml"

// ReadFile sets what the YAML file says. A setting that stands there under two of its names is refused. Errors name file and line.
func (c *Config) ReadFile(path string) error {
	c.file = path
	before := map[string]string{} // the setting's own name to where it was
	return readMapping(path, func(origin, key string, value ast.Node) error {
		if at, twice := before[settingOf(key)]; twice {
			return &ConfigError{fmt.Sprintf("%s: %s: the setting %s is there twice, first at %s", origin, key, settingOf(key), at)}
		}
		before[settingOf(key)] = origin
		text, err := scalarText(value)
		if err != nil {
			return &ConfigError{fmt.Sprintf("%s: %s: %v", origin, key, err)}
		}
		return c.Set(key, text, origin)
	})
}

// readMapping hands over the keys and values of a YAML file, each with its origin, file and line. Only one document may have any.
func readMapping(path string, each func(origin, key string, value ast.Node) error) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("reading YAML: %w", err)
	}
	file, err := parser.ParseBytes(bytes.TrimPrefix(content, []byte("\ufeff")), 0)
	if err != nil {
		return &ConfigError{fmt.Sprintf("%s: %s", path, firstLine(yaml.FormatError(err, false, false)))}
	}
	some := false
	for _, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		mapping, err := entries(doc.Body)
		if err != nil {
			return &ConfigError{fmt.Sprintf("%s:%d: %v", path, doc.Body.GetToken().Position.Line, err)}
		}
		if some && len(mapping) > 0 {
			return &ConfigError{fmt.Sprintf("%s:%d: a second YAML document begins; there may be one", path, mapping[0].Key.GetToken().Position.Line)}
		}
		some = some || len(mapping) > 0
		for _, entry := range mapping {
			origin := fmt.Sprintf("%s:%d", path, entry.Key.GetToken().Position.Line)
			if err := each(origin, entry.Key.GetToken().Value, entry.Value); err != nil {
				return err
			}
		}
	}
	return nil
}

func entries(body ast.Node) ([]*ast.MappingValueNode, error) {
	switch node := body.(type) {
	case *ast.MappingNode:
		return node.Values, nil
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{node}, nil
	case *ast.NullNode, *ast.CommentGroupNode:
		return nil, nil
	}
	return nil, fmt.Errorf("expected lines of the form key: value")
}

// scalarText is a value as a flag would give it; a list becomes comma-separated.
func scalarText(node ast.Node) (string, error) {
	switch n := node.(type) {
	case *ast.SequenceNode:
		var parts []string
		for _, value := range n.Values {
			part, err := scalarText(value)
			if err != nil {
				return "", err
			}
			parts = append(parts, part)
		}
		return strings.Join(parts, ","), nil
	case *ast.LiteralNode:
		return strings.TrimSpace(n.Value.Value), nil
	case *ast.NullNode:
		return "", errors.New("expected a value")
	case ast.ScalarNode:
		return n.GetToken().Value, nil
	}
	return "", fmt.Errorf("expected a value or a list of values")
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// ReadEnv sets what the environment says, as "NAME=value" strings. Unknown names that begin with PII_ are left alone.
func (c *Config) ReadEnv(environ []string) error {
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if value == "" || !strings.HasPrefix(name, envPrefix) {
			continue
		}
		known := false
		for _, o := range Options {
			if o.Env() == name {
				known = true
				if err := c.Set(o.Key, value, name); err != nil {
					return err
				}
			}
		}
		if meant := meantEnv(name); !known && meant != "" {
			return &ConfigError{fmt.Sprintf("%s in the environment is no setting; did you mean %s?", name, meant)}
		}
	}
	return nil
}

// meantEnv is the variable of a setting that an unknown one is meant to be: it has another name of the setting, or is at most two edits from
// it. There is none for variables that are something else's.
func meantEnv(name string) string {
	for _, o := range Options {
		for _, alias := range o.Aliases() {
			if name == envPrefix+strings.ToUpper(strings.ReplaceAll(alias, "-", "_")) {
				return o.Env()
			}
		}
	}
	best, least := "", 3
	for _, o := range Options {
		if d := levenshtein.Distance(name, o.Env(), nil); d < least && len(o.Key) > 2*d {
			best, least = o.Env(), d
		}
	}
	return best
}

// YAML is the configuration as a file that ReadFile reads; where says of each line where its value comes from. Targets that
// nobody set are comments: read back as settings, they would be required.
func (c *Config) YAML(where bool) string {
	var b strings.Builder
	for _, o := range Options {
		line := fmt.Sprintf("%s: %s", o.Key, yamlValue(o.field(c), c.Get(o)))
		origin := c.origins[o.Key]
		if origin == "" && o.target() {
			line = "# " + line
		}
		if where {
			if origin == "" {
				origin = "default"
			}
			line = fmt.Sprintf("%-44s # %s", line, origin)
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}

func yamlValue(field any, text string) string {
	switch field.(type) {
	case *[]string:
		parts := splitList(text)
		for i, part := range parts {
			parts[i] = fmt.Sprintf("%q", part)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case *string:
		return fmt.Sprintf("%q", text)
	}
	return text
}
