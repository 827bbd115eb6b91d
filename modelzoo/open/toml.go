package open

import (
	"encoding/json"
	"fmt"
	"strings"
)

// parseTOML reads lines of TOML, key = value, whose values are those that JSON has
// too: strings in double quotes, numbers, booleans, and lists of them, which may
// go over several lines. Comments begin with #. It has no tables: a description
// needs none, and whoever predicts links no library for it.
func parseTOML(text string) (map[string]json.RawMessage, error) {
	values := map[string]json.RawMessage{}
	lines := strings.Split(strings.TrimPrefix(text, "\ufeff"), "\n")
	for i := 0; i < len(lines); i++ {
		line := strings.TrimSpace(withoutComment(lines[i]))
		if line == "" {
			continue
		}
		first := i + 1
		key, value, ok := strings.Cut(line, "=")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		if !ok || !isKey(key) {
			return nil, fmt.Errorf("line %d is %.64q, want key = value", first, line)
		}
		parts, open := []string{value}, opens(value)
		for ; open > 0 && i+1 < len(lines); open += opens(parts[len(parts)-1]) {
			i++
			parts = append(parts, strings.TrimSpace(withoutComment(lines[i])))
		}
		if value = closed(strings.Join(parts, " ")); !json.Valid([]byte(value)) || strings.HasPrefix(value, "{") || value == "null" {
			return nil, fmt.Errorf("line %d: %s is %.64q, want a string in double quotes, a number, true, false, or a list of such in brackets", first, key, value)
		}
		if _, twice := values[key]; twice {
			return nil, fmt.Errorf("line %d: %s is there twice", first, key)
		}
		values[key] = json.RawMessage(value)
	}
	return values, nil
}

// isKey reports whether a text is a bare key of TOML.
func isKey(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == ""
}

// withoutComment is a line up to the # that is in no string.
func withoutComment(line string) string {
	quoted := false
	for i := 0; i < len(line); i++ {
		switch {
		case line[i] == '\\' && quoted:
			i++
		case line[i] == '"':
			quoted = !quoted
		case line[i] == '#' && !quoted:
			return line[:i]
		}
	}
	return line
}

// opens is how many more brackets a line opens than it closes, outside of strings.
func opens(line string) (n int) {
	quoted := false
	for i := 0; i < len(line); i++ {
		switch b := line[i]; {
		case b == '\\' && quoted:
			i++
		case b == '"':
			quoted = !quoted
		case b == '[' && !quoted:
			n++
		case b == ']' && !quoted:
			n--
		}
	}
	return n
}

// closed is a list without the comma behind its last element, which TOML allows.
func closed(value string) string {
	if inner, ok := strings.CutSuffix(value, "]"); ok {
		return strings.TrimSuffix(strings.TrimRight(inner, " \t\r"), ",") + "]"
	}
	return value
}
