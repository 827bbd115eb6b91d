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
		fmt.Printf("%s: %d seeds\n", t, n)
	}
	return nil
}

// choose makes the target's testdata/fuzz anew, of the inputs that add most to what its
// other seeds reach. Those that lie there are among the inputs.
func (t target) choose(ctx context.Context, folder string) (n int, err error) {
	dir, corpus := filepath.Join(t.dir, "testdata", "fuzz", t.name), filepath.Join(t.corpus(folder), t.name)
	committed, err := listed(dir)
	if err == nil {
		err = move(committed, corpus)
	}
	if err != nil {
		return 0, err
	}
	inputs, err := listed(corpus)
	inputs = slices.DeleteFunc(inputs, func(i input) bool { return i.size > mostBytes })
	if err != nil || len(inputs) == 0 {
		return 0, err
	}
	slices.SortFunc(inputs, func(a, b input) int { return cmp.Or(cmp.Compare(a.size, b.size), cmp.Compare(a.path, b.path)) })
	chosen, err := t.measure(ctx, folder, inputs)
	if err != nil {
		for i := range committed {
			committed[i].path = filepath.Join(corpus, filepath.Base(committed[i].path))
		}
		return 0, errors.Join(err, move(committed, dir))
	}
	chosen = slices.DeleteFunc(chosen, func(i input) bool { return i.bits == 0 })
	slices.SortStableFunc(chosen, func(a, b input) int { return cmp.Compare(b.bits, a.bits) })
	chosen = chosen[:min(len(chosen), mostSeeds)]
	return len(chosen), move(chosen, dir)
}

// move puts inputs into another folder.
func move(inputs []input, dir string) error {
	for _, i := range inputs {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if err := os.Rename(i.path, filepath.Join(dir, filepath.Base(i.path))); err != nil {
			return err
		}
	}
	return nil
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
	adds     = regexp.MustCompile(`processed an initial input, .*new bits: (\d+)`)
	finished = regexp.MustCompile(`finished processing input corpus, entries: (\d+)`)
)

// measure returns the inputs with what each adds to the target's seeds and to the inputs
// before it. The fuzzer runs all of them in order before it begins, and tells it when it is asked
// for its debug output.
func (t target) measure(ctx context.Context, folder string, inputs []input) ([]input, error) {
	corpus, err := os.MkdirTemp("", "fuzz")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(corpus)
	if err := os.Mkdir(filepath.Join(corpus, t.name), 0o755); err != nil {
		return nil, err
	}
	for i, in := range inputs {
		content, err := os.ReadFile(in.path)
		if err == nil {
			err = os.WriteFile(filepath.Join(corpus, t.name, fmt.Sprintf("%06d", i)), content, 0o644)
		}
		if err != nil {
			return nil, err
		}
	}
	binary, err := t.build(ctx, folder)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	c := t.command(ctx, binary, corpus, "-test.parallel=1")
	c.Env = append(os.Environ(), "GODEBUG=fuzzdebug=1")
	out, err := c.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := c.Start(); err != nil {
		return nil, err
	}
	bits, entries := []int{}, 0 // of the seeds, then of the inputs
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if m := adds.FindStringSubmatch(lines.Text()); m != nil && entries == 0 {
			n, _ := strconv.Atoi(m[1])
			bits = append(bits, n)
		}
		if m := finished.FindStringSubmatch(lines.Text()); m != nil {
			entries, _ = strconv.Atoi(m[1])
			stop()
		}
	}
	c.Wait() // it was stopped
	if entries < len(inputs) || len(bits) != entries {
		return nil, fmt.Errorf("the fuzzer ran %d of %d inputs, want all: they have to pass first", len(bits), max(entries, len(inputs)))
	}
	for i, n := range bits[entries-len(inputs):] {
		inputs[i].bits = n
	}
	return inputs, nil
}
