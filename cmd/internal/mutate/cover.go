package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// goPackage is a package as go list says it.
type goPackage struct {
	Dir, ImportPath string
	GoFiles         []string
}

func list(patterns []string) (packages []goPackage, err error) {
	c := exec.Command("go", append([]string{"list", "-json=Dir,ImportPath,GoFiles"}, patterns...)...)
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("%v: %w", c, err)
	}
	for d := json.NewDecoder(strings.NewReader(string(out))); d.More(); {
		var p goPackage
		if err := d.Decode(&p); err != nil {
			return nil, err
		}
		packages = append(packages, p)
	}
	return packages, nil
}

// tested is what is known of a test: how long it takes by itself, and the lines that it
// runs of the files of its package.
type tested struct {
	Name    string
	Seconds float64
	Lines   map[string][]int
}

func (t tested) runs(m mutant) bool { return slices.Contains(t.Lines[m.File], m.Line) }

// measure runs every test of a package by itself. Tests that take longer than limit, or
// fail without any mutant, are left out.
func measure(ctx context.Context, p goPackage, limit time.Duration) ([]tested, error) {
	dir, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	binary, profile := filepath.Join(dir, "test"), filepath.Join(dir, "profile")
	c := exec.CommandContext(ctx, "go", "test", "-c", "-cover", "-o", binary, p.ImportPath)
	if out, err := c.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%v: %w: %s", c, err, out)
	}
	if _, err := os.Stat(binary); err != nil {
		return nil, nil // there are no tests
	}
	names, err := in(ctx, p.Dir, binary, "-test.list", "^(Test|Example|Fuzz)").Output()
	if err != nil {
		return nil, fmt.Errorf("%s: its tests: %w", p.ImportPath, err)
	}
	var all []tested
	for _, name := range strings.Fields(string(names)) {
		short, cancel := context.WithTimeout(ctx, limit)
		begun := time.Now()
		out, err := in(short, p.Dir, binary, "-test.run", "^"+name+"$", "-test.coverprofile", profile).CombinedOutput()
		cancel()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %s is left out: %v: %s\n", p.ImportPath, name, err, oneLine(string(out)))
			continue
		}
		t := tested{Name: name, Seconds: time.Since(begun).Seconds()}
		if t.Lines, err = lines(p, profile); err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, nil
}

// in is a program that runs in the folder of its package, as go test has it.
func in(ctx context.Context, dir, program string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, program, args...)
	c.Dir, c.WaitDelay = dir, time.Second
	return c
}

// lines are those of the package's files that a profile counts as run. Its lines are
// file:line.column,line.column statements count.
func lines(p goPackage, profile string) (map[string][]int, error) {
	text, err := os.ReadFile(profile)
	if err != nil {
		return nil, err
	}
	all := map[string][]int{}
	for line := range strings.Lines(string(text)) {
		file, block, found := strings.Cut(line, ":")
		if !found || path.Dir(file) != p.ImportPath {
			continue
		}
		var from, to, column, statements, count int
		if _, err := fmt.Sscanf(block, "%d.%d,%d.%d %d %d", &from, &column, &to, &column, &statements, &count); err != nil {
			return nil, fmt.Errorf("%s: line %q: %w", profile, line, err)
		}
		for n := from; count > 0 && n <= to; n++ {
			all[path.Base(file)] = append(all[path.Base(file)], n)
		}
	}
	return all, nil
}
