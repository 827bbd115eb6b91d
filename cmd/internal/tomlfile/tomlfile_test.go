package tomlfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
)

func write(t testing.TB, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config.toml")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestDecode(t *testing.T) {
	text := "# settings.....................\nlr = 1.5e-3\ndata = \"a/b.c.d\"\nmean = [0.1, 0.2, 0.3]\nspace = {min = 1, max = [[2]]}\n" +
		"deep = " + strings.Repeat("[", deepest) + strings.Repeat("]", deepest) + "\n" + `dots = """` + strings.Repeat(".\"\n", 99) + `"""` + "\n"
	var got, want map[string]any
	if err := Decode(write(t, text), &got); err != nil {
		t.Fatal(err)
	}
	if err := toml.Unmarshal([]byte(text), &want); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if err := Decode(filepath.Join(t.TempDir(), "none"), &got); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}

// TestHostile: what takes the parser minutes, or all of its stack, is refused before it.
func TestHostile(t *testing.T) {
	const deep = ": more than 16 lists, tables or parts of a key within each other, want at most that"
	tests := map[string]struct{ text, want string }{
		"brackets":             {"a = 1\nb = " + strings.Repeat("[", 5<<20), ": more than 262144 bytes"},
		"fewer brackets":       {"a = 1\nb = " + strings.Repeat("[", 200_000), ", line 2" + deep},
		"dotted key":           {strings.Repeat("a.", 100_000) + "a = 1", ", line 1" + deep},
		"quoted dots":          {strings.Repeat(`"a" . `, 40_000) + "a = 1", ", line 1" + deep},
		"table's name":         {"[" + strings.Repeat("a.", 100_000) + "a]", ", line 1" + deep},
		"inline tables":        {"a = " + strings.Repeat("{a = ", 50_000), ", line 1" + deep},
		"behind strings":       {"a = '''b''''\nc = \"\"\"\\\"\"\"\"\"\"\nd = '\\'\n" + strings.Repeat("[", 200_000), ", line 4" + deep},
		"behind a bare string": {"a = '''b'\n''' # '\n" + strings.Repeat("a.", 99) + "a = 1", ", line 3" + deep},
		"no settings":          {"a = 1\nb", ", line 2: "},
		"break in a number":    {"a = 0x\n", ", line 1: not a hexadecimal number: '0x '"},
		"key twice":            {"a = 'b'\na = 1", ", line 2: "},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			file := write(t, tt.text)
			var all map[string]any
			err := Decode(file, &all)
			if err == nil || !strings.Contains(err.Error(), file+tt.want) || strings.Contains(err.Error(), "\n") || len(err.Error()) > 500 {
				t.Errorf("error %.500v, want one line with %q", err, tt.want)
			}
		})
	}
}

// FuzzShallow: what the parser understands is at most as deep as shallow says.
func FuzzShallow(f *testing.F) {
	for _, text := range []string{"a.b=1", "a='''b''''", "a=[[1],[2.5]]", "[a.'b.c'.d]\ne={f=\"\"\"\\\"\"\"\"}", "[[a]]\nb=1979-05-27T07:32:00.5Z"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if _, ok := shallow([]byte(text)); !ok {
			return
		}
		var all map[string]any
		if err := toml.Unmarshal([]byte(text), &all); err == nil && depth(all) > deepest*deepest {
			t.Errorf("%q has a depth of %d", text, depth(all))
		}
	})
}

// FuzzDecode: a file is what the parser makes of its text, or an error of one line that
// names it.
func FuzzDecode(f *testing.F) {
	f.Add("# settings\nlr = 1.5e-3\nmean = [0.1, 0.2]\nspace = {min = 1, max = [[2]]}\n[a.b]\nc = \"\"\"x\ny\"\"\"\n[[d]]\ne = 1979-05-27T07:32:00.5Z\n")
	f.Add("a = 'b'\na = 1")
	f.Add("\xef\xbb\xbfa = 0x1F\r\nb = inf\nc = nan\nd = 1_000\n\"\\u00e9\" = true")
	f.Fuzz(func(t *testing.T, text string) {
		file := write(t, text)
		var got, want map[string]any
		if err := Decode(file, &got); err != nil {
			if s := err.Error(); !strings.HasPrefix(s, file) || strings.Contains(s, "\n") || len(s) > len(file)+400 {
				t.Errorf("error %q, want one line that begins with %s", s, file)
			}
			return
		}
		if err := toml.Unmarshal([]byte(text), &want); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("got %v, want %v, %v", got, want, err)
		}
	})
}

// depth is how many maps and lists of a value are within each other.
func depth(v any) (most int) {
	switch v := v.(type) {
	case map[string]any:
		for _, e := range v {
			most = max(most, depth(e)+1)
		}
	case []any:
		for _, e := range v {
			most = max(most, depth(e)+1)
		}
	case []map[string]any:
		for _, e := range v {
			most = max(most, depth(e)+1)
		}
	}
	return most
}
