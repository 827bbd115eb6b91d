package cli

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"testing"
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
		{"error", disk, 1, "error: disk full\n"},
		{"two errors", errors.Join(disk, errors.New("no ink")), 1, "error: disk full; no ink\n"},
		{"usage", Usagef("x: -n %d, want 1", 0), 2, "x: -n 0, want 1\n"},
		{"wrapped usage", fmt.Errorf("x: %w", Usagef("wrong")), 2, "x: wrong\n"},
		{"two usage errors", errors.Join(Usagef("a"), Usagef("b")), 2, "a; b\n"},
		{"interrupt", context.Canceled, 130, "context canceled\n"},
		{"wrapped interrupt", fmt.Errorf("stopped: %w", context.Canceled), 130, "stopped\n"},
		{"silent", fmt.Errorf("x: %w", Silent(Usagef("wrong"))), 2, ""},
		{"deadline", context.DeadlineExceeded, 1, "error: context deadline exceeded\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var stderr bytes.Buffer
			if got := Report(tt.err, &stderr); got != tt.code || stderr.String() != tt.text {
				t.Errorf("%d and %q, want %d and %q", got, stderr.String(), tt.code, tt.text)
			}
		})
	}
}

func flags(stderr io.Writer) (f *flag.FlagSet, n *int) {
	f = Flags("paint", "[flags] FILE", "paints a file", stderr)
	return f, f.Int("n", 3, "number of coats")
}

func TestParse(t *testing.T) {
	var stderr bytes.Buffer
	f, n := flags(&stderr)
	if err := Parse(f, []string{"-n", "5", "a", "b"}); err != nil || *n != 5 || f.NArg() != 2 {
		t.Errorf("error %v, n %d, arguments %q", err, *n, f.Args())
	}
	err := NoArguments(f)
	if want := `paint: unexpected argument "a"; paint -help lists the flags`; err == nil || err.Error() != want || Report(err, io.Discard) != 2 {
		t.Errorf("error %v, want %s", err, want)
	}
	f, _ = flags(&stderr)
	if err := errors.Join(Parse(f, nil), NoArguments(f)); err != nil {
		t.Errorf("no arguments: %v", err)
	}
	if stderr.Len() > 0 {
		t.Errorf("printed %q", stderr.String())
	}
}

func TestParseErrors(t *testing.T) {
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"unknown flag", []string{"-x"}, "paint: flag provided but not defined: -x; paint -help lists the flags"},
		{"no number", []string{"-n", "many"}, `paint: invalid value "many" for flag -n: parse error; paint -help lists the flags`},
		{"no value", []string{"-n"}, "paint: flag needs an argument: -n; paint -help lists the flags"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var stderr bytes.Buffer
			f, _ := flags(&stderr)
			err := Parse(f, tt.args)
			if err == nil || err.Error() != tt.want || Report(err, io.Discard) != 2 {
				t.Errorf("error %v, want %s, for exit code 2", err, tt.want)
			}
			if stderr.Len() > 0 {
				t.Errorf("printed %q, want all in the error", stderr.String())
			}
		})
	}
}

func TestHelp(t *testing.T) {
	for _, arg := range []string{"-help", "-h", "--help"} {
		var stderr bytes.Buffer
		f, _ := flags(&stderr)
		err := Parse(f, []string{arg})
		if Report(err, io.Discard) != 0 || !errors.Is(err, flag.ErrHelp) {
			t.Errorf("%s: %v, want flag.ErrHelp, for exit code 0", arg, err)
		}
		if want := "usage: paint [flags] FILE\npaints a file\n\n  -n int\n    \tnumber of coats (default 3)\n"; stderr.String() != want {
			t.Errorf("%s printed %q, want %q", arg, stderr.String(), want)
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
	if Report(errors.New("open a\x1b[31m.png"), &b); b.String() != "note: not read: \\x1b]0;x\\a\nerror: open a\\x1b[31m.png\n" {
		t.Errorf("printed %q", b.String())
	}
}
