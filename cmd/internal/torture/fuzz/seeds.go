package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// What go test replays of a target is small: so many seeds in files, of so many bytes.
const (
	mostSeeds = 20
	mostBytes = 4 << 10
)

// chooseAll gives each target the seeds that add most to what its own reach.
func chooseAll(ctx context.Context, folder string, targets []target) error {
	for _, t := range targets {
		n, err := t.choose(ctx, folder)
		if err != nil {
			return fmt.Errorf("%s: %w", t, err)
		}
		fmt.Printf("%s: %d new seeds\n", t, n)
	}
	return nil
}

// choose puts inputs that reach code which the target's seeds do not into its
// testdata/fuzz, as far as there is room.
func (t target) choose(ctx context.Context, folder string) (n int, err error) {
	dir := filepath.Join(t.dir, "testdata", "fuzz", t.name)
	committed, err := listed(dir)
	room := mostSeeds - len(committed)
	if err != nil || room <= 0 {
		return 0, err
	}
	inputs, err := listed(filepath.Join(t.corpus(folder), t.name))
	inputs = slices.DeleteFunc(inputs, func(i input) bool { return i.size > mostBytes })
	if err != nil || len(inputs) == 0 {
		return 0, err
	}
	slices.SortFunc(inputs, func(a, b input) int { return cmp.Or(cmp.Compare(a.size, b.size), cmp.Compare(a.path, b.path)) })
	if err := t.measure(ctx, folder, inputs); err != nil {
		return 0, err
	}
	inputs = slices.DeleteFunc(inputs, func(i input) bool { return i.bits == 0 })
	slices.SortStableFunc(inputs, func(a, b input) int { return cmp.Compare(b.bits, a.bits) })
	inputs = inputs[:min(len(inputs), room)]
	for _, i := range inputs {
		content, err := os.ReadFile(i.path)
		if err == nil {
			err = os.MkdirAll(dir, 0o755)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, filepath.Base(i.path)), content, 0o644)
		}
		if err != nil {
			return 0, err
		}
	}
	return len(inputs), nil
}

// input is a file of the fuzzer.
type input struct {
	path string
	size int64
	bits int // of coverage that it adds to what is before it
}

// listed are the files of a folder, which need not be there.
func listed(dir string) (all []input, err error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			return nil, err
		}
		all = append(all, input{path: filepath.Join(dir, e.Name()), size: info.Size()})
	}
	return all, err
}

var (
	adds     = regexp.MustCompile(`processed an initial input, id: (\S+), new bits: (\d+)`)
	finished = "finished processing input corpus"
)

// measure finds out what each input adds to the target's seeds and to the inputs before
// it. The fuzzer runs all of them in order before it begins, and tells it when it is asked
// for its debug output.
func (t target) measure(ctx context.Context, folder string, inputs []input) error {
	corpus, err := os.MkdirTemp("", "fuzz")
	if err != nil {
		return err
	}
	defer os.RemoveAll(corpus)
	if err := os.Mkdir(filepath.Join(corpus, t.name), 0o755); err != nil {
		return err
	}
	for i, in := range inputs {
		content, err := os.ReadFile(in.path)
		if err == nil {
			err = os.WriteFile(filepath.Join(corpus, t.name, fmt.Sprintf("%06d", i)), content, 0o644)
		}
		if err != nil {
			return err
		}
	}
	binary, err := t.build(ctx, folder)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	c := t.command(ctx, binary, corpus, "-test.parallel=1")
	c.Env = append(os.Environ(), "GODEBUG=fuzzdebug=1")
	out, err := c.StderrPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	all := false
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if m := adds.FindStringSubmatch(lines.Text()); m != nil {
			if i, err := strconv.Atoi(filepath.Base(m[1])); err == nil && i < len(inputs) && len(filepath.Base(m[1])) == 6 {
				inputs[i].bits, _ = strconv.Atoi(m[2])
			}
		}
		if strings.Contains(lines.Text(), finished) {
			all = true
			stop()
		}
	}
	c.Wait() // it was stopped
	if !all {
		return errors.New("the fuzzer did not come to the end of its inputs: want them to pass first")
	}
	return nil
}
