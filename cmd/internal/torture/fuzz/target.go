package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// target is a fuzz target.
type target struct {
	dir  string // of its package
	room string // its package's path in the module, as in graph/onnx
	name string // as in FuzzLoad
}

func (t target) String() string { return t.room + "." + t.name }

var function = regexp.MustCompile(`(?m)^func (Fuzz\w*)\(`)

// find returns the module's targets whose names end with a text.
func find(ctx context.Context, ending string) (targets []target, err error) {
	const format = `{{.Dir}}{{"\t"}}{{.Module.Path}}{{"\t"}}{{.ImportPath}}{{range .TestGoFiles}}{{"\t"}}{{.}}{{end}}{{range .XTestGoFiles}}{{"\t"}}{{.}}{{end}}`
	list, err := exec.CommandContext(ctx, "go", "list", "-f", format, "./...").Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	for line := range strings.Lines(string(list)) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		t := target{dir: fields[0], room: strings.TrimPrefix(fields[2], fields[1]+"/")}
		for _, file := range fields[3:] {
			text, err := os.ReadFile(filepath.Join(t.dir, file))
			if err != nil {
				return nil, err
			}
			for _, found := range function.FindAllSubmatch(text, -1) {
				if t.name = string(found[1]); strings.HasSuffix(t.String(), ending) {
					targets = append(targets, t)
				}
			}
		}
	}
	if len(targets) == 0 {
		return nil, fmt.Errorf("no target's name ends with %q", ending)
	}
	return targets, nil
}

// corpus is the folder of the inputs that reached new code.
func (t target) corpus(folder string) string { return filepath.Join(folder, "corpus", t.room) }

// build compiles the target's package, with counters that tell which code has run.
func (t target) build(ctx context.Context, folder string) (binary string, err error) {
	binary = filepath.Join(folder, "binaries", strings.ReplaceAll(t.room, "/", "-")+".test")
	c := exec.CommandContext(ctx, "go", "test", "-c", "-fuzz", ".", "-o", binary, ".")
	c.Dir, c.Stderr = t.dir, os.Stderr
	if err := c.Run(); err != nil {
		return "", fmt.Errorf("%s: go test -c: %w", t.room, err)
	}
	return binary, nil
}

// command runs the target from the inputs of a folder on. Minimising an input takes up to
// a minute else, in which nothing new is found.
func (t target) command(ctx context.Context, binary, corpus string, arguments ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, binary, append(arguments, "-test.run=^$", "-test.fuzz=^"+t.name+"$", "-test.fuzzcachedir="+corpus, "-test.fuzzminimizetime=1x")...)
	c.Dir = t.dir
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) } // it writes down what it has
	c.WaitDelay = time.Minute
	return c
}

var (
	progress = regexp.MustCompile(`execs: (\d+) .*new interesting: (\d+) \(total: (\d+)\)`)
	failing  = regexp.MustCompile(`Failing input written to (\S+)`)
)

// fuzz runs the target for some time and adds what came of it to its record.
func (t target) fuzz(ctx context.Context, folder string, length time.Duration, r *record) error {
	binary, err := t.build(ctx, folder)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	c := t.command(ctx, binary, t.corpus(folder), "-test.fuzztime="+length.String())
	c.Stdout = io.MultiWriter(&out, os.Stdout)
	c.Stderr = c.Stdout
	begin := time.Now()
	err = c.Run()
	r.add(out.Bytes(), time.Since(begin))
	if err != nil && ctx.Err() == nil && r.Crasher == "" {
		r.Crasher = "among the seeds"
	}
	return nil
}

// add adds a run's output.
func (r *record) add(out []byte, took time.Duration) {
	r.Seconds += took.Seconds()
	r.Date = time.Now().UTC().Format(time.DateOnly)
	executions, found := 0, 0
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		if m := progress.FindStringSubmatch(lines.Text()); m != nil {
			executions, _ = strconv.Atoi(m[1])
			found, _ = strconv.Atoi(m[2])
			r.Inputs, _ = strconv.Atoi(m[3])
		}
		if m := failing.FindStringSubmatch(lines.Text()); m != nil {
			r.Crasher = m[1]
		}
	}
	r.Executions += executions
	r.New += found
}
