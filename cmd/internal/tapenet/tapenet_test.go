package tapenet

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"tapenet/cmd/internal/cli"
)

// output runs the program with some arguments, as its main does.
func output(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, errs bytes.Buffer
	c := Command
	if i := slices.IndexFunc(Commands(), func(c cli.Command) bool { return len(args) > 0 && c.Name == args[0] }); i >= 0 {
		c, args = Commands()[i], args[1:]
	}
	err = c.Run(t.Context(), args, &out, &errs)
	return out.String(), errs.String(), err
}

func TestList(t *testing.T) {
	alone, _, err := output(t)
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"help"}, {"-help"}, {"--help"}, {"-h"}} {
		if out, _, err := output(t, args...); err != nil || out != alone {
			t.Errorf("%q: %q, %v, want the list of no argument", args, out, err)
		}
	}
	at := 0
	for _, name := range []string{"train", "infer", "serve", "data", "runs", "zoo", "export", "robust", "search", "bench", "completion", "version"} {
		i := strings.Index(alone[at:], "\n  "+name+" ")
		if i < 0 {
			t.Fatalf("no %s where it belongs in\n%s", name, alone)
		}
		at += i
	}
	narrow(t, alone)
}

// narrow fails if a text has a line that is too wide.
func narrow(t *testing.T, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > cli.Columns {
			t.Errorf("%d characters: %s", n, line)
		}
	}
}

// TestHelp: help of a command is its -help, on stdout, in lines of 80 characters.
func TestHelp(t *testing.T) {
	for _, c := range Commands() {
		help, errs, err := output(t, "help", c.Name)
		if !errors.Is(err, flag.ErrHelp) || errs != "" || !strings.HasPrefix(help, "usage: tapenet "+c.Name) {
			t.Errorf("%s: %v, %q, stdout begins with %.40q", c.Name, err, errs, help)
		}
		if own, _, _ := output(t, c.Name, "-help"); own != help {
			t.Errorf("%s -help is not help %[1]s", c.Name)
		}
		narrow(t, help)
		version, _, err := output(t, c.Name, "--version")
		if !errors.Is(err, flag.ErrHelp) || version != cli.Version() {
			t.Errorf("%s --version: %v, %q", c.Name, err, version)
		}
	}
}

func TestVersion(t *testing.T) {
	for _, arg := range []string{"version", "-version", "--version"} {
		if out, _, err := output(t, arg); err != nil || out != cli.Version() {
			t.Errorf("%s: %q, %v", arg, out, err)
		}
	}
}

func TestWrong(t *testing.T) {
	for _, tt := range []struct{ args, want string }{
		{"trian", `tapenet: no command "trian"; tapenet help lists them; did you mean train?`},
		{"help serv", `tapenet: no command "serv"; tapenet help lists them; did you mean serve?`},
		{"-model", `tapenet: no command "-model"; tapenet help lists them`},
		{"completion", `completion: [], want one of bash, zsh, fish`},
		{"completion bush", `completion: ["bush"], want one of bash, zsh, fish; did you mean bash?`},
		{"man", `man: 0 folders, want one to write into`},
		{"version now", `version: unexpected argument "now"`},
	} {
		_, _, err := output(t, strings.Fields(tt.args)...)
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) || cli.Report(cli.Program, err, new(bytes.Buffer)) != 2 {
			t.Errorf("%s: %v, want %s, and exit code 2", tt.args, err, tt.want)
		}
	}
}

// readmeFile has what follows from the flags behind generated.
const (
	readmeFile = "../../README.md"
	generated  = "<!-- From here on the file is made from the flags: go test ./cmd/internal/tapenet -update -->\n"
)

// TestReadme holds cmd/README.md to what the flags say.
func TestReadme(t *testing.T) {
	want, err := readme()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(readmeFile)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, found := strings.Cut(string(b), generated)
	if !found {
		t.Fatalf("%s has no line %s", readmeFile, generated)
	}
	if *update {
		if err := os.WriteFile(readmeFile, []byte(head+generated+want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if rest != want {
		t.Errorf("%s is not what the flags say: want go test ./cmd/internal/tapenet -run Readme -update", readmeFile)
	}
}

// TestMan: the pages are there, each with its flags.
func TestMan(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "man1")
	if _, _, err := output(t, "man", dir); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(dir, "tapenet-train.1"))
	if err != nil || !strings.Contains(string(page), `.BI "\-unfreeze\-lr " X`) || !strings.Contains(string(page), ".SH LOSSES AND LABELS") {
		t.Errorf("%v, the page of train is\n%.300s", err, page)
	}
	if page, err = os.ReadFile(filepath.Join(dir, "tapenet.1")); err != nil || !strings.Contains(string(page), ".B 130\n") {
		t.Errorf("%v, the page of tapenet is\n%s", err, page)
	}
}

// TestCompletion: bash completes commands, flags and names by what is printed for it. The
// other shells, where they are installed, take what is printed for them.
func TestCompletion(t *testing.T) {
	dir := t.TempDir()
	for _, shell := range shellNames {
		text, _, err := output(t, "completion", shell)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, shell)
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"train", "unfreeze-lr", "resnet20", "safetensors"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %s", shell, want)
			}
		}
		if path, err := exec.LookPath(shell); err == nil {
			if out, err := exec.Command(path, "-n", file).CombinedOutput(); err != nil {
				t.Errorf("%s: %v: %s", shell, err, out)
			}
		}
	}
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash: ", err)
	}
	for line, want := range map[string]string{
		"tr": "train", "help se": "serve search", "train -opt": "-optimizer", "train --opt": "-optimizer",
		"train -optimizer ada": "adagrad adam adamw", "train -resume -model res": "resnet20", "train -epochs ": "",
		"completion z": "zsh", "export -to o": "onnx", "infer -v": "-version",
	} {
		script := `source "$1"; shift; compopt() { :; }; COMP_WORDS=(tapenet "$@"); COMP_CWORD=$#; _tapenet; echo "${COMPREPLY[*]}"`
		out, err := exec.Command(bash, append([]string{"-c", script, "bash", filepath.Join(dir, "bash")}, strings.Split(line, " ")...)...).Output()
		if got := strings.TrimSpace(string(out)); err != nil || got != want {
			t.Errorf("%q is completed by %q (%v), want %q", line, got, err, want)
		}
	}
}
