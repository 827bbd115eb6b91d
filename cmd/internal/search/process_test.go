package search

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tapenet/cmd/internal/cli"
	traincommand "tapenet/cmd/internal/train"
	"tapenet/train"
)

// TestMain is the command train in a process that is started as train.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == traincommand.Command.Name {
		cli.Main(Command, traincommand.Command)
	}
	os.Exit(m.Run())
}

// TestProcess searches with the command train itself, as a process: it is stopped as a
// search is, goes on, and its best run is the one that its config.toml repeats.
func TestProcess(t *testing.T) {
	o := options{
		file: file(t, "lr = {min = 1e-3, max = 1e-2, scale = \"log\"}\noptimizer = [\"adam\", \"nadam\"]"), out: t.TempDir(), count: 2, halving: 2, seed: 1,
		flags: []string{"-model", "lenet5", "-limit", "300", "-epochs", "4"},
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stops := func(ctx context.Context, stdout io.Writer, args ...string) error {
		if slices.Contains(args, "-settings") {
			return process(ctx, stdout, args...)
		}
		return process(ctx, writer(cancel), args...)
	}
	if err := o.search(ctx, stops, io.Discard); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v, want that it was stopped", err)
	}
	if r, err := train.ReadRecord(filepath.Join(o.out, "01")); err != nil || len(r.History) == 0 || r.EvaluatedOn != "validation" {
		t.Errorf("error %v and record %+v of the trial that was stopped, want an epoch, judged on validation images", err, r)
	}
	var text bytes.Buffer
	if err := o.search(t.Context(), process, &text); err != nil {
		t.Fatal(err)
	}
	best, again := bestDir(t, &text), filepath.Join(t.TempDir(), "again")
	if err := process(t.Context(), io.Discard, "-config", filepath.Join(best, configFile), "-out", again, "-report=false"); err != nil {
		t.Fatal(err)
	}
	a, err := os.ReadFile(filepath.Join(best, train.ModelFile))
	b, err2 := os.ReadFile(filepath.Join(again, train.ModelFile))
	if err != nil || err2 != nil || !bytes.Equal(a, b) {
		t.Errorf("the best model is not that of its %s (%v, %v)", configFile, err, err2)
	}
	for _, tt := range []struct {
		name  string
		args  []string
		usage bool
		want  string
	}{
		{"usage", []string{"-nope"}, true, "train: no flag -nope"},
		{"dataset", []string{"-data", filepath.Join(again, "none"), "-out", again + "2"}, true, "train: no dataset "},
		{"diverged", []string{"-model", "lenet5", "-limit", "100", "-epochs", "2", "-optimizer", "sgd", "-lr", "1e38", "-out", again + "3"}, false, diverged},
	} {
		err := process(t.Context(), io.Discard, tt.args...)
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) || errors.As(err, new(cli.UsageError)) != tt.usage {
			t.Errorf("%s: error %v, want %q", tt.name, err, tt.want)
		}
	}
}
