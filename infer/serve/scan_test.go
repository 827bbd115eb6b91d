package serve

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestScannerErrors(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"empty", "", "byte 0: the end of the text, want a value"},
		{"spaces", " \n", "the end of the text, want a value"},
		{"text", "hello", "'h', want a value"},
		{"half a word", "tru", "a boolean, want a value"},
		{"NaN", "NaN", "'N', want a value"},
		{"infinity", "-Infinity", "a malformed number"},
		{"two values", "1 2", "byte 2: a number, want the end of the text"},
		{"duplicate key", `{"a":1,"b":2,"a":3}`, `key "a" comes twice`},
		{"duplicate key, escaped", `{"a":1,"\u0061":3}`, `key "a" comes twice`},
		{"duplicate key, deep", `[[{"x":{"a":1,"a":3}}]]`, `key "a" comes twice`},
		{"trailing comma", `[1,]`, "']', want a value"},
		{"trailing comma in an object", `{"a":1,}`, "'}', want a string"},
		{"no comma", `[1 2]`, "a number, want ',' or ']'"},
		{"no colon", `{"a" 1}`, "a number, want ':'"},
		{"key without quotes", `{a:1}`, "'a', want a string"},
		{"open array", `[1,2`, "the end of the text, want ',' or ']'"},
		{"open object", `{"a":1`, "the end of the text, want ',' or '}'"},
		{"open string", `"abc`, "a string without end"},
		{"string that ends in an escape", `"abc\`, "a string without end"},
		{"wrong escape", `"\x"`, "a string with a wrong escape"},
		{"line in a string", "\"a\nb\"", "control character in a string"},
		{"not UTF-8", "\"a\xffb\"", "a string that is not UTF-8"},
		{"leading zero", "01", "a malformed number"},
		{"leading plus", "+1", "'+', want a value"},
		{"minus alone", "-", "a malformed number"},
		{"space in a number", "- 1", "a malformed number"},
		{"point alone", "1.", "a malformed number"},
		{"exponent alone", "1e+", "a malformed number"},
		{"hexadecimal", "0x10", "'x', want the end of the text"},
		{"deep", strings.Repeat("[", 1e6), "nested more than 32 deep"},
		{"many keys", manyKeys(1001), "an object with more than 1000 keys"},
		{"deep objects", strings.Repeat(`{"a":`, 1e6), "nested more than 32 deep"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &scanner{text: []byte(tt.text)}
			s.skip()
			if err := s.end(); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

// manyKeys is an object of n keys.
func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"%d":0`, i)
	}
	return "{" + b.String()[1:] + "}"
}

func TestPixels(t *testing.T) {
	tests := []struct {
		text string
		dims []int
		want []float32
		err  string
	}{
		{"[1,-2.5,3e-1,0,-0, 1E2]", []int{6}, []float32{1, -2.5, 0.3, 0, 0, 100}, ""},
		{"[[1,2,3],\n[4,5,6]]", []int{2, 3}, []float32{1, 2, 3, 4, 5, 6}, ""},
		{"[[[1],[2]]]", []int{1, 2, 1}, []float32{1, 2}, ""},
		{"[1e-400]", []int{1}, []float32{0}, ""},
		{"[0.12345678901234567890, 1e6]", []int{2}, []float32{0.12345679, 1e6}, ""},
		{"[1,2]", []int{3}, nil, "2 elements in an array, want dimensions [3]"},
		{"[1,2,3,4]", []int{3}, nil, "more than 3 elements in an array"},
		{"[[1,2],[3]]", []int{2, 2}, nil, "1 elements in an array, want dimensions [2]"},
		{"[[1],2]", []int{2, 1}, nil, "a number, want an array"},
		{"[1,[2]]", []int{2}, nil, "an array, want a number"},
		{"[null]", []int{1}, nil, "null, want a number"},
		{"[true]", []int{1}, nil, "a boolean, want a number"},
		{`["1"]`, []int{1}, nil, "a string, want a number"},
		{"[{}]", []int{1}, nil, "an object, want a number"},
		{"[1000001]", []int{1}, nil, "number 1000001 is too large, want pixels scaled to 0..1"},
		{"[-1e999]", []int{1}, nil, "number -1e999 is too large, want pixels scaled to 0..1"},
	}
	for _, tt := range tests {
		s := &scanner{text: []byte(tt.text)}
		got := s.pixels(nil, tt.dims...)
		err := s.end()
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%s: error %v, want one with %q", tt.text, err, tt.err)
			}
			continue
		}
		if err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v and %v, want %v", tt.text, got, err, tt.want)
		}
	}
}

// FuzzScanner holds that the scanner takes nothing that encoding/json refuses,
// and refuses only what it says it does; and that both read the same.
func FuzzScanner(f *testing.F) {
	for _, text := range []string{
		`{"a":[1,2.5e-3,-0],"b":{"c":null,"d":"\u00e9\n"},"e":true}`, `[]`, `{}`, ` 1 `, `"\ud800"`, `{"a":1,"a":2}`, `[1,`, "\"\xff\"", `"\u12"`, `[[[[]]]]`, `[0.1, 1e39]`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		s := &scanner{text: text}
		s.skip()
		err := s.end()
		if err == nil && !json.Valid(text) {
			t.Fatalf("takes %q", text)
		}
		stricter := err != nil && (strings.Contains(err.Error(), "twice") || strings.Contains(err.Error(), "deep") || strings.Contains(err.Error(), "keys") || strings.Contains(err.Error(), "UTF-8"))
		if err != nil && json.Valid(text) && !stricter {
			t.Fatalf("refuses %q: %v", text, err)
		}
		var want []float32
		s = &scanner{text: text}
		got := s.pixels(nil, bytes.Count(text, []byte(","))+1)
		if s.end() == nil {
			if err := json.Unmarshal(text, &want); err != nil || !slices.Equal(got, want) {
				t.Fatalf("%q: %v, encoding/json reads %v (%v)", text, got, want, err)
			}
		}
	})
}
