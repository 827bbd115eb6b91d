package open

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
)

// goodTOML and badTOML are what the reader takes and what it refuses.
var goodTOML = []string{
	"",
	"# nothing\n\n",
	"fit = \"crop\"\nshorter=256",
	"mean = [0.485, 0.456, 0.406] # of ImageNet\r\nrange = [\n  0,   # black\n  255, # white\n]\n",
	"classes = [\"a # b\", \"c\\\"d\", \"é\"]\nflag = true\n",
	"a-b_1 = -1.5e3\n",
	"empty = []",
	"classes = [\n\"a]\", # ]\n\"[b\\\"[\",\n[1],\n]\nfit = \"crop\"",
}

var badTOML = []struct{ text, want string }{
	{"[table]", `line 1 is "[table]", want key = value`},
	{"a = 1\nfit crop", `line 2 is "fit crop", want key = value`},
	{"fit = crop", `line 1: fit is "crop", want a string in double quotes`},
	{"fit = 'crop'", `line 1: fit is "'crop'", want a string`},
	{"fit =", `line 1: fit is "", want a string`},
	{"mean = [1, 2", `line 1: mean is "[1, 2", want`},
	{"a = {}", `line 1: a is "{}", want`},
	{"a = null", `line 1: a is "null", want`},
	{"a = 1\na = 2", "line 2: a is there twice"},
	{"a.b = 1", `line 1 is "a.b = 1", want key = value`},
}

func TestTOML(t *testing.T) {
	for _, text := range goodTOML {
		compareTOML(t, text)
	}
	for _, tt := range badTOML {
		if _, err := parseTOML(tt.text); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%q: error %v, want %s", tt.text, err, tt.want)
		}
	}
}

// TestLongTOML: a list of very many lines is read in one go, not again for each line.
func TestLongTOML(t *testing.T) {
	n := maxDescription / 8
	values, err := parseTOML("classes = [\n" + strings.Repeat("  \"]\",\n", n) + "]")
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	if err := json.Unmarshal(values["classes"], &list); err != nil || len(list) != n {
		t.Errorf("%d classes, error %v, want %d", len(list), err, n)
	}
	if _, err := parseTOML("classes = [\n" + strings.Repeat("[\n", maxDescription/2)); err == nil || len(err.Error()) > 300 {
		t.Errorf("brackets without end: %.300v, want a short error", err)
	}
}

// compareTOML holds what parseTOML reads of a text against a TOML library.
func compareTOML(t *testing.T, text string) {
	t.Helper()
	got, err := parseTOML(text)
	if err != nil {
		t.Errorf("%q: %v", text, err)
		return
	}
	var want map[string]any
	if err := toml.Unmarshal([]byte(text), &want); err != nil {
		t.Errorf("%q: a TOML library refuses it: %v", text, err)
		return
	}
	if len(got) != len(want) {
		t.Errorf("%q: %d settings, want %d", text, len(got), len(want))
	}
	for key, raw := range got {
		var value, reference any
		if err := json.Unmarshal(raw, &value); err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(want[key])
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, &reference); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(value, reference) {
			t.Errorf("%q: %s is %v, want %v", text, key, value, reference)
		}
	}
}

// FuzzTOML: any text is read or refused, and what is read has values in JSON.
func FuzzTOML(f *testing.F) {
	for _, text := range goodTOML {
		f.Add(text)
	}
	for _, tt := range badTOML {
		f.Add(tt.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		values, err := parseTOML(text)
		if err != nil {
			return
		}
		for key, raw := range values {
			if !isKey(key) || !json.Valid(raw) {
				t.Errorf("%q: key %q has the value %q", text, key, raw)
			}
		}
	})
}
