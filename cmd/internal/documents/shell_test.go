//go:build unix

package documents

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"tapenet/cmd/internal/cli"
	"tapenet/cmd/internal/tapenet"
)

// commands are those that documents may call.
var commands = map[string]cli.Command{}

func init() {
	for _, c := range tapenet.Commands() {
		commands[c.Name] = c
	}
}

// notRun are the lines that the test does not run, by what they contain, and why. The flags
// of our commands in them have to exist all the same.
var notRun = []struct{ contains, why string }{
	{"make ", "targets build and test all: TestShell holds that they exist"},
	{"go test ", "tests of the tree: TestShell holds that they exist"},
	{"TAPENET_", "settings of such tests"},
	{"go run ./cmd/internal", "programs for maintainers, of records that hours make"},
	{"go mod ", "of another module"},
	{"go install", "into the user's folder"},
	{"-scenes", "20 s; cmd/internal/scenes has a test"},
	{"go build -tags mpi", "its launchers are not everywhere: train/mpi has tests"},
	{"mpirun", "likewise"},
	{"restart ", "likewise"},
	{"./train -lanes", "the program of the lines above"},
	{"docker ", "infer/serve/deploy says how far it has been checked"},
	{"kubectl ", "likewise"},
	{"CGO_ENABLED", "it installs into the system: infer/serve/deploy has a test"},
	{"systemctl", "likewise"},
	{"/usr/bin/python3", "PyTorch is not everywhere"},
	{"-against", "the other engine is not everywhere: cmd/internal/bench has tests"},
	{"GOOS=js", "cmd/internal/export has a test"},
}

// more is what each command gets besides, so that it takes seconds.
var more = map[string]string{
	"train":  "-limit 100 -epochs 1",
	"bench":  "-time 1ms",
	"robust": "-limit 2 -samples 10",
	"serve":  "-addr " + address,
	"label":  "-addr 127.0.0.1:0",
}

// smaller replaces what would take long all the same.
var smaller = strings.NewReplacer(
	"-epochs 5 ", "", "-batch 32 -height 224 -width 224", "-batch 2 -height 32 -width 32",
	"resnet50.onnx,mobilenetv2 -mode infer -batch 1,8 -threads 1,2", "resnet50.onnx,lenet5 -mode infer -batch 1 -threads 1",
	"-trials 20 -- ", "-trials 2 -- -limit 60 -epochs 1 ",
	"-trials 27 -halving 3 -- ", "-trials 3 -halving 3 -- -limit 60 -epochs 3 -model lenet5 ",
	"-what geometry,grid", "-what geometry/shear", "-what corruptions ", "-what corruptions/fog ",
	"-limit -1", "", "-limit 500 -samples 100000", "",
	"-dashboard", "-dashboard -report=false",
	"127.0.0.1:8080", address,
)

const address = "127.0.0.1:18094"

// command finds a command in a line: behind tapenet or in go run, or as a program.
var command = regexp.MustCompile(`(\./(?:cmd/)?(?:tapenet )?|/bin/|\btapenet )(bench|data|export|infer|label|robust|runs|search|serve|train|zoo)\b`)

// shorter is a script that takes seconds.
func shorter(script string) string {
	return command.ReplaceAllStringFunc(smaller.Replace(script), func(found string) string {
		return found + " " + more[command.FindStringSubmatch(found)[2]]
	})
}

// TestMain is the commands too: under the name go for lines such as go run ./cmd/train, and
// by their names for commands that start themselves.
func TestMain(m *testing.M) {
	args := os.Args[1:]
	name := filepath.Base(os.Args[0])
	if name == "go" {
		if len(args) < 2 || args[0] != "run" || !strings.HasPrefix(args[1], "./cmd/") {
			becomeGo(args)
		}
		args = append([]string{strings.TrimPrefix(args[1], "./cmd/")}, args[2:]...)
	}
	if len(args) > 0 && args[0] == "tapenet" {
		args = args[1:]
	}
	if len(args) > 0 {
		if c, ok := commands[args[0]]; ok {
			os.Exit(cli.Report(c.Name, until(c, args[1:]), os.Stderr))
		}
	}
	if name == "go" || name == "tapenet" {
		fmt.Fprintf(os.Stderr, "%s %q: not a command of the documents' tests\n", name, args)
		os.Exit(2)
	}
	os.Exit(m.Run())
}

// realGo and stays are variables of the environment: where the go command is, and that
// servers do not end by themselves.
const (
	realGo = "TAPENET_DOCUMENTS_GO"
	stays  = "TAPENET_DOCUMENTS_STAYS"
)

// becomeGo goes on as the go command.
func becomeGo(args []string) {
	path := os.Getenv(realGo)
	err := syscall.Exec(path, append([]string{path}, args...), os.Environ())
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// until runs a command, serve and label until they have said where they are.
func until(c cli.Command, args []string) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var stdout io.Writer = os.Stdout
	if (c.Name == "serve" || c.Name == "label") && os.Getenv(stays) == "" {
		stdout = writer(func(p []byte) {
			os.Stdout.Write(p)
			if bytes.Contains(p, []byte("http://127.0.0.1")) {
				cancel()
			}
		})
	}
	return c.Run(ctx, args, stdout, os.Stderr)
}

type writer func(p []byte)

func (w writer) Write(p []byte) (int, error) { w(p); return len(p), nil }

// script is a line of a document, or a block with a server in the background.
type script struct{ place, code, why string } // why it is not run; "" is run

func scripts(d Document) (all []script) {
	add := func(line int, code string) {
		if strings.TrimSpace(code) != "" {
			all = append(all, script{fmt.Sprintf("%s:%d", d.Path, line), code, excuse(code)})
		}
	}
	for _, b := range d.Blocks {
		switch {
		case b.Language != "sh":
		case strings.Contains(b.Code, background):
			add(b.Line, b.Code)
		default:
			for i, line := range strings.Split(strings.ReplaceAll(b.Code, "\\\n", ""), "\n") {
				add(b.Line+i, line)
			}
		}
	}
	return all
}

const background = " &\n"

// TestShell runs the commands of each document, in a folder with pictures, runs and models
// under the names that documents have for them.
func TestShell(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the commands of all documents")
	}
	s := newShell(t)
	ran := 0
	for _, d := range read(t) {
		all := scripts(d)
		if len(all) == 0 {
			continue
		}
		for _, c := range all {
			if c.why == "" {
				ran++
			}
		}
		t.Run(d.Path, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(s.folder)); err != nil {
				t.Fatal(err)
			}
			for _, c := range all {
				if c.why != "" {
					check(t, c.code)
				} else {
					s.run(t, dir, c.place, c.code)
				}
			}
		})
	}
	if ran < 50 {
		t.Errorf("%d lines to run, want most of those of all documents", ran)
	}
}

func excuse(line string) (why string) {
	for _, n := range notRun {
		if strings.Contains(line, n.contains) {
			return n.why
		}
	}
	return ""
}

var (
	target = regexp.MustCompile(`^make ([a-z0-9-]+)`)
	tested = regexp.MustCompile(`go test .*?\./([a-z0-9/]+)`)
	named  = regexp.MustCompile(`-run '?\^?(Test)?([A-Z][A-Za-z0-9]+)`)
	flagOf = regexp.MustCompile(` -([a-z][a-z0-9-]*)`)
)

// check holds that what a line names is there, as it is not run.
func check(t *testing.T, line string) {
	t.Helper()
	if m := target.FindStringSubmatch(line); m != nil {
		if makefile, err := os.ReadFile(filepath.Join(top, "Makefile")); err != nil || !strings.Contains(string(makefile), "\n"+m[1]+":") {
			t.Errorf("%s: no such target (%v)", line, err)
		}
	}
	if m := tested.FindStringSubmatch(line); m != nil {
		sources := testsOf(t, m[1])
		if n := named.FindStringSubmatch(line); n != nil && !regexp.MustCompile(`\nfunc Test\w*`+n[2]).MatchString(sources) {
			t.Errorf("%s: no such test", line)
		}
	}
	for _, at := range command.FindAllStringSubmatchIndex(line, -1) {
		c := commands[line[at[4]:at[5]]]
		arguments := line[at[5]:]
		if end := strings.IndexAny(arguments, "|&>#"); end >= 0 {
			arguments = arguments[:end]
		}
		arguments, _, _ = strings.Cut(arguments, " -- ")
		known, err := cli.Describe(c)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range flagOf.FindAllStringSubmatch(arguments, -1) {
			if known.Lookup(f[1]) == nil {
				t.Errorf("%s: %s has no flag -%s", line, c.Name, f[1])
			}
		}
	}
}

// TestFlags: the flags in the first cells of tables exist.
func TestFlags(t *testing.T) {
	known := map[string]bool{}
	for _, c := range tapenet.Commands() {
		f, err := cli.Describe(c)
		if err != nil {
			t.Fatal(err)
		}
		f.VisitAll(func(f *flag.Flag) { known[f.Name] = true })
	}
	n := 0
	for _, d := range read(t) {
		for _, row := range regexp.MustCompile("(?m)^\\| (`-[^|]*)").FindAllStringSubmatch(d.Text, -1) {
			for _, m := range regexp.MustCompile("`-([a-z][a-z0-9-]*)").FindAllStringSubmatch(row[1], -1) {
				if n++; !known[m[1]] {
					t.Errorf("%s: no command has the flag -%s", d.Path, m[1])
				}
			}
		}
	}
	if n < 40 {
		t.Errorf("%d flags, want those of the tables of train and bench", n)
	}
}

// shell runs lines of documents.
type shell struct {
	folder string // that each document begins with
	path   string // a folder with the command go
}

func newShell(t *testing.T) shell {
	t.Helper()
	s := shell{folder: t.TempDir(), path: t.TempDir()}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"go", "tapenet"} {
		if err := os.Symlink(self, filepath.Join(s.path, name)); err != nil {
			t.Fatal(err)
		}
	}
	photos(t, filepath.Join(s.folder, "photos"))
	photos(t, filepath.Join(s.folder, "more"))
	copyFile(t, filepath.Join(s.folder, "digit.png"), "cmd/internal/infer/testdata/digit.png")
	copyFile(t, filepath.Join(s.folder, "more", "digit.png"), "cmd/internal/infer/testdata/digit.png")
	copyFile(t, filepath.Join(s.folder, "cmd/internal/infer/testdata/digit.png"), "cmd/internal/infer/testdata/digit.png")
	if err := os.CopyFS(filepath.Join(s.folder, "keras"), os.DirFS(filepath.Join(top, "graph/tfjs/testdata/functional"))); err != nil {
		t.Fatal(err)
	}
	space := ""
	for _, d := range read(t) {
		for _, b := range d.Blocks {
			if b.Language == "toml" {
				space += b.Code
			}
		}
	}
	if err := os.WriteFile(filepath.Join(s.folder, "space.toml"), []byte(space), 0o644); err != nil {
		t.Fatal(err)
	}
	s.run(t, s.folder, "the folder", `
train="tapenet train -report=false"
$train -val 0.1 >/dev/null
$train -model lenet5 >/dev/null
$train -data photos -model convnet -height 28 -width 28 -out runs/photos >/dev/null
for name in a b c fcnn noisy; do cp -r runs/cnn runs/$name; done
tapenet export -model runs/photos -to onnx -out x.onnx
cp x.onnx resnet50.onnx
cp photos/sea/sea-001.jpg cat.jpg
`)
	if t.Failed() {
		t.FailNow()
	}
	return s
}

// photos writes four classes of small pictures.
func photos(t *testing.T, dir string) {
	t.Helper()
	for c, class := range []string{"forest", "mountains", "sea", "town"} {
		if err := os.MkdirAll(filepath.Join(dir, class), 0o755); err != nil {
			t.Fatal(err)
		}
		for i := range 6 {
			img := image.NewRGBA(image.Rect(0, 0, 40, 32))
			for p := range img.Pix {
				img.Pix[p] = uint8(p*(c+1) + 31*i)
			}
			var b bytes.Buffer
			if err := jpeg.Encode(&b, img, nil); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, class, fmt.Sprintf("%s-%03d.jpg", class, i+1)), b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// run runs a script, made smaller, and ends what it has left running.
func (s shell) run(t *testing.T, dir, place, script string) {
	t.Helper()
	begun := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", shorter(script))
	c.Dir = dir
	path, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	c.Env = append(os.Environ(), "PATH="+s.path+string(os.PathListSeparator)+os.Getenv("PATH"), realGo+"="+path, "CURL_HOME="+s.path)
	if strings.Contains(script, background) {
		c.Env = append(c.Env, stays+"=1")
		if err := os.WriteFile(filepath.Join(s.path, ".curlrc"), []byte("retry = 60\nretry-connrefused\nretry-delay = 1\nfail\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	end := func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
	c.Cancel = end
	c.WaitDelay = time.Second
	if err := c.Run(); err != nil && err != exec.ErrWaitDelay { // what runs in the background holds the output
		t.Errorf("%s: %v: %s\n%s", place, err, shorter(script), out.String())
	}
	if c.Process != nil {
		end()
	}
	t.Logf("%5.1f s %s: %s", time.Since(begun).Seconds(), place, strings.TrimSpace(script))
}
