// Package tomlfile reads files of settings. They may be anybody's: their size and how
// deep they nest are bounded before they are parsed.
package tomlfile

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/BurntSushi/toml"

	"tapenet/graph/regular"
)

const (
	most    = 256 << 10 // bytes; a run that went on a thousand times has 150 KB of comments
	deepest = 16        // lists, tables and parts of keys within each other; settings have three
)

// Decode reads a file, or a pipe that the process has open, into a map or a struct. An
// error names the file and the line. A missing file satisfies errors.Is(err, fs.ErrNotExist).
func Decode(path string, into any) error {
	text, err := regular.Read(path, most)
	if err != nil {
		return err
	}
	if line, ok := shallow(text); !ok {
		return fmt.Errorf("%s, line %d: more than %d lists, tables or parts of a key within each other, want at most that", path, line, deepest)
	}
	err = toml.Unmarshal(text, into)
	var syntax toml.ParseError
	switch {
	case errors.As(err, &syntax):
		message := strings.Join(strings.FieldsFunc(syntax.Message, unicode.IsControl), " ") // it may quote a line break
		return fmt.Errorf("%s, line %d: %.200s", path, syntax.Position.Line, message)
	case err != nil:
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// shallow reports whether nothing nests deeper than the bound, or the line where
// something does. The parser's work grows with the cube of the depth: a key of 8,000
// dots takes it 14 seconds.
func shallow(text []byte) (line int, ok bool) {
	line = 1
	open, dots := 0, 0 // brackets that are open, and dots of the key so far
	for i := 0; i < len(text); i++ {
		switch b := text[i]; b {
		case '"', '\'':
			end := endOfString(text, i)
			for ; i < end; i++ {
				if text[i] == '\n' {
					line++
				}
			}
			i-- // the loop goes on behind the string
		case '#':
			for i+1 < len(text) && text[i+1] != '\n' {
				i++
			}
		case '[', '{':
			open, dots = open+1, 0
		case ']', '}':
			open, dots = max(0, open-1), 0
		case ',', '=':
			dots = 0
		case '.':
			dots++
		case '\n':
			line++
			dots = 0
		}
		if open+dots > deepest {
			return line, false
		}
	}
	return 0, true
}

// endOfString is the place behind the string that begins at i: it ends at its quote, or
// one of three quotes at three of them, to which up to two more may belong. Between double
// quotes a backslash takes the next byte with it.
func endOfString(text []byte, i int) int {
	quote, quotes := text[i], 1
	if i+2 < len(text) && text[i+1] == quote && text[i+2] == quote {
		quotes = 3
	}
	seen := 0 // quotes in a row
	for i += quotes; i < len(text); i++ {
		switch {
		case text[i] == '\\' && quote == '"':
			i++
			seen = 0
		case text[i] != quote:
			seen = 0
		default:
			seen++
		}
		if seen == quotes {
			i++
			for k := 0; k < 2 && quotes == 3 && i < len(text) && text[i] == quote; k++ {
				i++
			}
			return i
		}
	}
	return len(text)
}
