package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"tapenet/cmd/internal/cli"
	"tapenet/graph"
)

// TestMain makes the test binary the command when it is started as a child.
func TestMain(m *testing.M) {
	if slices.Contains(os.Args, "-child") {
		main()
	}
	os.Exit(m.Run())
}

func TestJSON(t *testing.T) {
	var out bytes.Buffer
	args := strings.Fields("-time 50ms -model lenet5 -batch 2 -threads 1 -json")
	if err := run(context.Background(), args, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 {
		t.Fatalf("%d lines, want one for training and one for inference:\n%s", len(lines), &out)
	}
	for i, mode := range []string{"train", "infer"} {
		var r report
		if err := json.Unmarshal([]byte(lines[i]), &r); err != nil {
			t.Fatal(err)
		}
		if want := (combination{"lenet5", mode, 2, 1}); r.combination != want {
			t.Errorf("measured %v, want %v", r.combination, want)
		}
		for name, v := range map[string]float64{
			"images/s": r.ImagesPerSecond, "ms": r.Median, "multiply-adds/s": r.MulAddsPerSecond,
			"peak": r.PeakMulAdds, "copy": r.CopyBytes, "allocations": r.AllocsPerStep, "steps": float64(r.Steps) - 4,
		} {
			if !(v > 0) {
				t.Errorf("%s: %s is %v, want a positive number", mode, name, v)
			}
		}
		if !(r.Fastest <= r.Quartile1 && r.Quartile1 <= r.Median && r.Median <= r.Quartile3) {
			t.Errorf("%s: times are out of order: %+v", mode, r.result)
		}
	}
}

func TestTable(t *testing.T) {
	var out bytes.Buffer
	args := strings.Fields("-time 20ms -mode train -batch 2 -threads 1 -compare gorgonia")
	if err := run(context.Background(), args, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"images/s", "gorgonia images/s", "ratio", "cnn"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
}

func TestWrongFlags(t *testing.T) {
	for args, want := range map[string]string{
		"-model vgg99":                    `no model "vgg99"`,
		"-mode sleep":                     `-mode "sleep"`,
		"-batch 0":                        `-batch "0"`,
		"-threads two":                    `-threads "two"`,
		"-time -1s":                       "-time -1s",
		"-compare torch":                  `-compare "torch"`,
		"-model lenet5 -compare gorgonia": "compares the training of cnn",
		"-child ours -batch 1,2":          "want one",
		"extra":                           `unexpected argument "extra"`,
	} {
		err := run(context.Background(), strings.Fields(args), io.Discard, io.Discard)
		var usage cli.UsageError
		if !errors.As(err, &usage) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want a line with %s", args, err, want)
		}
	}
}

// The sums stand in models.go; He et al. 2015, table 6, has 0.27 million
// parameters for ResNet-20.
func TestBenchModels(t *testing.T) {
	for name, want := range map[string]int{"conv3": 390_634, "resnet20": 272_474} {
		spec, err := lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		m, err := build(spec, graph.Infer, 1)
		if err != nil {
			t.Fatal(err)
		}
		got := 0
		for _, l := range m.Layers() {
			got += l.Params
		}
		if got != want {
			t.Errorf("%s has %d parameters, want %d", name, got, want)
		}
	}
}

func TestStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err := run(ctx, strings.Fields("-time 50ms -model lenet5 -batch 1 -threads 1"), io.Discard, io.Discard)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
}
