package serve

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"
)

// maxDepth bounds how deep JSON may be nested.
const maxDepth = 32

// maxKeys bounds an object's keys: each takes memory until the object's end.
const maxKeys = 1000

// maxPixel bounds what counts as a pixel. They are scaled to 0..1; far beyond
// it a network's sums overflow and its answer means nothing.
const maxPixel = 1e6

// scanner reads JSON from memory, as strictly as RFC 8259 is and stricter than
// encoding/json: a key that comes twice in an object, a null where a value is
// wanted, and text that is not UTF-8 are errors. Nothing that it allocates is
// larger than the text that asked for it.
//
// The first error stays in err, and from then on every method returns at once.
type scanner struct {
	text  []byte
	pos   int
	depth int
	err   error
}

func (s *scanner) fail(format string, args ...any) {
	if s.err == nil {
		s.err = fmt.Errorf("byte %d: %s", s.pos, fmt.Sprintf(format, args...))
		s.pos = len(s.text)
	}
}

// next returns the first byte of the next token, 0 at the end.
func (s *scanner) next() byte {
	for ; s.pos < len(s.text); s.pos++ {
		switch c := s.text[s.pos]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

// accept steps over the next token if it is c.
func (s *scanner) accept(c byte) bool {
	ok := s.next() == c && s.pos < len(s.text)
	if ok {
		s.pos++
	}
	return ok
}

// want fails for the next token, which is not what the caller expects.
func (s *scanner) want(what string) {
	found := "the end of the text"
	switch c := s.next(); {
	case s.pos == len(s.text):
	case c == '{':
		found = "an object"
	case c == '[':
		found = "an array"
	case c == '"':
		found = "a string"
	case c == 'n':
		found = "null"
	case c == 't' || c == 'f':
		found = "a boolean"
	case c == '-' || '0' <= c && c <= '9':
		found = "a number"
	default:
		found = strconv.QuoteRune(rune(c))
	}
	s.fail("%s, want %s", found, what)
}

// begin opens an object or array; the caller counts the depth down again.
func (s *scanner) begin(c byte, what string) bool {
	if !s.accept(c) {
		s.want(what)
		return false
	}
	if s.depth++; s.depth > maxDepth {
		s.fail("nested more than %d deep", maxDepth)
	}
	return true
}

// more tells whether another element follows in what ends with the byte closing.
func (s *scanner) more(first bool, closing byte) bool {
	switch c := s.next(); {
	case s.err != nil:
		return false
	case c == closing:
		s.pos++
		s.depth--
		return false
	case first:
		return true
	case c == ',':
		s.pos++
		return true
	}
	s.want("',' or '" + string(closing) + "'")
	return false
}

// object reads an object. It calls field for each key; field reads the value.
func (s *scanner) object(field func(key string)) {
	if !s.begin('{', "an object") {
		return
	}
	seen := make(map[string]bool)
	for first := true; s.more(first, '}'); first = false {
		key := s.str()
		if seen[key] {
			s.fail("key %.100q comes twice", key)
		}
		if seen[key] = true; len(seen) > maxKeys {
			s.fail("an object with more than %d keys", maxKeys)
		}
		if !s.accept(':') {
			s.want("':'")
		}
		if s.err == nil {
			field(key)
		}
	}
}

// array reads an array. It calls element for each; element reads it.
func (s *scanner) array(element func()) {
	if !s.begin('[', "an array") {
		return
	}
	for first := true; s.more(first, ']'); first = false {
		element()
	}
}

// str reads a string.
func (s *scanner) str() string {
	if s.next() != '"' {
		s.want("a string")
		return ""
	}
	begin, escaped := s.pos, false
	for s.pos++; ; s.pos++ {
		if s.pos >= len(s.text) {
			s.pos = len(s.text)
			s.fail("a string without end")
			return ""
		}
		c := s.text[s.pos]
		if c == '"' {
			break
		}
		if c < ' ' {
			s.fail("control character in a string")
			return ""
		}
		if c == '\\' {
			escaped = true
			s.pos++
		}
	}
	s.pos++
	return s.unquote(s.text[begin:s.pos], escaped)
}

func (s *scanner) unquote(quoted []byte, escaped bool) string {
	if !utf8.Valid(quoted) {
		s.fail("a string that is not UTF-8")
		return ""
	}
	if !escaped {
		return string(quoted[1 : len(quoted)-1])
	}
	var v string
	if json.Unmarshal(quoted, &v) != nil {
		s.fail("a string with a wrong escape")
	}
	return v
}

// digits steps over at least one digit.
func (s *scanner) digits() bool {
	begin := s.pos
	for s.pos < len(s.text) && s.text[s.pos]-'0' <= 9 {
		s.pos++
	}
	return s.pos > begin
}

// number reads a number and returns its text.
func (s *scanner) number() []byte {
	c := s.next()
	if c != '-' && c-'0' > 9 {
		s.want("a number")
		return nil
	}
	begin := s.pos
	if c == '-' {
		s.pos++
	}
	zero := s.pos
	ok := s.digits() && (s.text[zero] != '0' || s.pos == zero+1)
	if s.at('.') {
		s.pos++
		ok = s.digits() && ok
	}
	if s.at('e') || s.at('E') {
		s.pos++
		if s.at('+') || s.at('-') {
			s.pos++
		}
		ok = s.digits() && ok
	}
	if !ok {
		s.fail("a malformed number")
		return nil
	}
	return s.text[begin:s.pos]
}

// at tells whether the byte here is c; no space goes before it.
func (s *scanner) at(c byte) bool { return s.pos < len(s.text) && s.text[s.pos] == c }

// pixel reads a number between -maxPixel and maxPixel.
func (s *scanner) pixel() float32 { return s.toPixel(s.number()) }

// toPixel is the value of a number's text.
func (s *scanner) toPixel(number []byte) float32 {
	if s.err != nil {
		return 0
	}
	v, err := strconv.ParseFloat(string(number), 32)
	if err != nil || v > maxPixel || v < -maxPixel {
		s.fail("number %.40s is too large, want pixels scaled to 0..1", number)
	}
	return float32(v)
}

// size reads a number that can be one of a shape's dimensions: 0 or more.
func (s *scanner) size() int {
	number := s.number()
	if s.err != nil {
		return 0
	}
	v, err := strconv.Atoi(string(number))
	if err != nil || v < 0 || v > math.MaxInt32 {
		s.fail("%.40s in a shape, want an integer from 0 to %d", number, math.MaxInt32)
	}
	return v
}

// pixels appends the numbers of nested arrays of exactly the given dimensions.
func (s *scanner) pixels(to []float32, dims ...int) []float32 {
	n := 0
	s.array(func() {
		switch n++; {
		case n > dims[0]:
			s.fail("more than %d elements in an array, want dimensions %v", dims[0], dims)
		case len(dims) == 1:
			to = append(to, s.pixel())
		default:
			to = s.pixels(to, dims[1:]...)
		}
	})
	if s.err == nil && n < dims[0] {
		s.fail("%d elements in an array, want dimensions %v", n, dims)
	}
	return to
}

// skip reads any value and returns where its text begins.
func (s *scanner) skip() (begin int) {
	c := s.next()
	begin = s.pos
	switch {
	case c == '{':
		s.object(func(string) { s.skip() })
	case c == '[':
		s.array(func() { s.skip() })
	case c == '"':
		s.str()
	case c == '-' || c-'0' <= 9:
		s.number()
	default:
		s.word()
	}
	return begin
}

// word reads true, false or null.
func (s *scanner) word() {
	for _, word := range []string{"true", "false", "null"} {
		if rest := s.text[s.pos:]; len(rest) >= len(word) && string(rest[:len(word)]) == word {
			s.pos += len(word)
			return
		}
	}
	s.want("a value")
}

// boolean reads true or false.
func (s *scanner) boolean() bool {
	c := s.next()
	if c != 't' && c != 'f' {
		s.want("a boolean")
		return false
	}
	s.word()
	return c == 't'
}

// end returns the error, if only of something after the value that was read.
func (s *scanner) end() error {
	if s.next(); s.err == nil && s.pos < len(s.text) {
		s.want("the end of the text")
	}
	return s.err
}
