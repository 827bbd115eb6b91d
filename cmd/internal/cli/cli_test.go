package cli

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"tapenet/graph/op"
)

func TestReport(t *testing.T) {
	disk := errors.New("disk full")
	tests := []struct {
		name string
		err  error
		code int
		text string
	}{
		{"success", nil, 0, ""},
		{"help", flag.ErrHelp, 0, ""},
		{"error", disk, 1, "x: disk full\n"},
		{"a package's error", errors.New("x: data: weights: a file: want another"), 1, "x: a file: want another\n"},
		{"no package's", errors.New("photos: x: want another"), 1, "x: photos: x: want another\n"},
		{"two errors", errors.Join(disk, errors.New("x: no ink")), 1, "x: disk full; no ink\n"},
		{"usage", Usagef("x: -n %d, want 1", 0), 2, "x: -n 0, want 1\n"},
		{"wrapped usage", fmt.Errorf("x: %w", Usagef("wrong")), 2, "x: wrong\n"},
		{"two usage errors", errors.Join(Usagef("a"), Usagef("b")), 2, "x: a; b\n"},
		{"interrupt", context.Canceled, 130, "x: context canceled\n"},
		{"wrapped interrupt", fmt.Errorf("stopped: %w", context.Canceled), 130, "x: stopped\n"},
		{"silent", fmt.Errorf("x: %w", Silent(Usagef("wrong"))), 2, ""},
		{"deadline", context.DeadlineExceeded, 1, "x: context deadline exceeded\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var stderr bytes.Buffer
			if got := Report("x", tt.err, &stderr); got != tt.code || stderr.String() != tt.text {
				t.Errorf("%d and %q, want %d and %q", got, stderr.String(), tt.code, tt.text)
			}
		})
	}
}

// flags are those of a command that paints.
func flags(stdout io.Writer) (f *FlagSet, n *int) {
	f = Flags("paint", "[flags] FILE\n-mix", "Paints a file.", stdout)
	f.Group("Important")
	n = f.Int("n", 3, "number of coats")
	f.String("colour", "red", "of the paint")
	f.OneOf("colour", "red", "green")
	f.Group("Others")
	f.Bool("mix", false, "mix the colours, which takes a while and needs a second brush as well as a bucket")
	f.Group("Important")
	f.String("a-long-name", "", "a `FILE` (default none)")
	return f, n
}

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		name      string
		args      []string
		n         int
		mix       bool
		arguments string
	}{
		{"nothing", nil, 3, false, `[]`},
		{"flags first", []string{"-n", "5", "-mix", "a", "b"}, 5, true, `["a" "b"]`},
		{"flags last", []string{"a", "b", "-mix", "-n=5"}, 5, true, `["a" "b"]`},
		{"flags between", []string{"a", "-mix", "b", "-n", "-5", "-"}, -5, true, `["a" "b" "-"]`},
		{"two dashes", []string{"a", "--n", "5", "--mix=false"}, 5, false, `["a"]`},
		{"the end of flags", []string{"a", "--", "-mix", "--", "-n"}, 3, false, `["a" "-mix" "--" "-n"]`},
		{"a value of two dashes", []string{"-a-long-name", "--", "-mix", "a"}, 3, true, `["a"]`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var stdout bytes.Buffer
			f, n := flags(&stdout)
			err := f.Parse(tt.args)
			mix := f.Lookup("mix").Value.String() == "true"
			if got := fmt.Sprintf("%q", f.Args()); err != nil || *n != tt.n || mix != tt.mix || got != tt.arguments {
				t.Errorf("n %d, mix %t, arguments %s, %v; want %d, %t, %s", *n, mix, got, err, tt.n, tt.mix, tt.arguments)
			}
			if stdout.Len() > 0 {
				t.Errorf("printed %q", &stdout)
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"unknown flag", []string{"-x"}, "paint: no flag -x; paint -help lists the flags"},
		{"a flag like another", []string{"a", "--color", "red"}, "paint: no flag -color; did you mean -colour?; paint -help lists the flags"},
		{"no number", []string{"-n", "many"}, "paint: -n many, want a whole number"},
		{"no value", []string{"-n"}, "paint: -n without a value, want -n N"},
		{"none of some", []string{"-colour", "Gren"}, "paint: -colour Gren, want one of red, green; did you mean green?"},
		{"no boolean", []string{"-mix=perhaps"}, "paint: -mix perhaps, want true or false"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, _ := flags(io.Discard)
			err := f.Parse(tt.args)
			if err == nil || err.Error() != tt.want || Report("paint", err, io.Discard) != 2 {
				t.Errorf("error %v, want %s, for exit code 2", err, tt.want)
			}
		})
	}
	f, _ := flags(io.Discard)
	if err := f.Parse([]string{"-n", "4"}); err != nil || f.NoArguments() != nil {
		t.Errorf("%v and %v, want no error", err, f.NoArguments())
	}
	f.Parse([]string{"a", "b"})
	err := f.NoArguments()
	if want := `paint: unexpected argument "a"; paint -help lists the flags`; err == nil || err.Error() != want || Report("paint", err, io.Discard) != 2 {
		t.Errorf("error %v, want %s", err, want)
	}
}

// TestDefaultOfOneOf: the default is a value, as a file of settings may have it.
func TestDefaultOfOneOf(t *testing.T) {
	f := Flags("paint", "", "", io.Discard)
	v := f.String("colour", "", "of the paint")
	f.OneOf("colour", "red", "green")
	if err := errors.Join(f.Set("colour", "red"), f.Set("colour", "")); err != nil || *v != "" {
		t.Errorf("%v, %q", err, *v)
	}
}

func TestHelp(t *testing.T) {
	const want = `usage: tapenet paint [flags] FILE
       tapenet paint -mix

Paints a file.

Important
  -n N              number of coats (default 3)
  -colour NAME      of the paint (default red)
  -a-long-name FILE
                    a FILE (default none)

Others
  -mix              mix the colours, which takes a while and needs a second
                    brush as well as a bucket
`
	for _, arg := range []string{"-help", "-h", "--help"} {
		var stdout bytes.Buffer
		f, _ := flags(&stdout)
		err := f.Parse([]string{"a", arg, "-x"})
		if Report("paint", err, io.Discard) != 0 || !errors.Is(err, flag.ErrHelp) {
			t.Errorf("%s: %v, want flag.ErrHelp, for exit code 0", arg, err)
		}
		if stdout.String() != want {
			t.Errorf("%s printed %q, want %q", arg, &stdout, want)
		}
	}
}

// TestHelpFails: help that cannot be written is an error.
func TestHelpFails(t *testing.T) {
	r, w := io.Pipe()
	r.Close()
	f, _ := flags(w)
	if err := f.Parse([]string{"-help"}); !errors.Is(err, io.ErrClosedPipe) || Report("paint", err, io.Discard) != 1 {
		t.Errorf("%v, want io.ErrClosedPipe", err)
	}
}

func TestVersion(t *testing.T) {
	var stdout bytes.Buffer
	f, _ := flags(&stdout)
	if err := f.Parse([]string{"--version"}); !errors.Is(err, flag.ErrHelp) || stdout.String() != Version() {
		t.Errorf("%v, %q", err, &stdout)
	}
	info := &debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}, Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.modified", Value: "true"}}}
	want := fmt.Sprintf("tapenet v1.2.3\ncommit abc, with changes\n%s %s/%s, kernels for %s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, op.Tier())
	if got := versionOf(info); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestDescribe(t *testing.T) {
	paint := Command{Name: "paint", Run: func(_ context.Context, args []string, stdout, _ io.Writer) error {
		f, _ := flags(stdout)
		return f.Parse(args)
	}}
	f, err := Describe(paint)
	if err != nil || f.Name() != "paint" || len(f.Groups) != 2 || fmt.Sprint(f.ValuesOf("colour")) != "[red green]" {
		t.Errorf("%v, %v", f, err)
	}
	other := Command{Name: "other", Run: func(context.Context, []string, io.Writer, io.Writer) error { return nil }}
	if _, err := Describe(other); err == nil || !strings.Contains(err.Error(), "want a command that has its arguments parsed first") {
		t.Errorf("error %v", err)
	}
}

func TestMeant(t *testing.T) {
	names := []string{"cnn", "fcnn", "resnet20", "mobilenetv2", "mnist", "rotated-mnist", "adam", "adamw"}
	for name, want := range map[string]string{
		"resnet-20": "resnet20", "ResNet20": "resnet20", "mnits": "mnist", "adm": "adam", "MobileNet-V2": "mobilenetv2",
		"rotatedmnist": "rotated-mnist", "vgg": "", "": "", "linear": "",
	} {
		if want != "" {
			want = "; did you mean " + want + "?"
		}
		if got := Meant(name, names); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

func TestWrap(t *testing.T) {
	word := strings.Repeat("x", 50)
	for text, want := range map[string]string{
		"short": "short", "  " + word + " " + word: "  " + word + "\n    " + word,
		word + word: word + word, "a " + word + word + " b": "a\n    " + word + word + "\n    b",
	} {
		if got := Wrap(text, 80, 4); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

// TestPlain: names show what they are, and cannot write on the terminal.
func TestPlain(t *testing.T) {
	for text, want := range map[string]string{
		"cat": "cat", "Käse ☃ 100 %": "Käse ☃ 100 %", `a\b "c" 'd'`: `a\b "c" 'd'`, "": "",
		"\x1b[2Ja\nb\rc\td": `\x1b[2Ja\nb\rc\td`, "\xff\u202egnp": `\xff\u202egnp`, "\u009bm": `\u009bm`,
	} {
		if got := Plain(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
	var b bytes.Buffer
	Notes(&b, []string{"not read: \x1b]0;x\a"})
	if Report("x", errors.New("open a\x1b[31m.png"), &b); b.String() != "note: not read: \\x1b]0;x\\a\nx: open a\\x1b[31m.png\n" {
		t.Errorf("printed %q", b.String())
	}
}
