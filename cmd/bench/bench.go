package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"tapenet/cmd/internal/cli"
)

// combination is one thing to measure.
type combination struct {
	Model   string `json:"model"`
	Mode    string `json:"mode"` // train or infer
	Batch   int    `json:"batch"`
	Threads int    `json:"threads"` // GOMAXPROCS
}

func (c combination) String() string {
	return fmt.Sprintf("%s, %s, batch %d, threads %d", c.Model, c.Mode, c.Batch, c.Threads)
}

// hasRival reports whether Gorgonia's own ops have a network for it.
func (c combination) hasRival() bool { return c.Model == "cnn" && c.Mode == "train" }

// The engines that a child measures.
const (
	engineOurs     = "ours"
	engineGorgonia = "gorgonia"
)

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	if o.child != "" {
		return child(ctx, o, stdout)
	}
	if o.nodes {
		return o.profile(ctx, stdout)
	}
	m, err := measureMachine(ctx, o.time)
	if err != nil {
		return err
	}
	var reports []report
	for i, c := range o.combinations {
		if !o.json {
			fmt.Fprintf(stderr, "%d of %d: %v\n", i+1, len(o.combinations), c)
		}
		r, err := o.report(ctx, c, m)
		if err != nil {
			return err
		}
		if o.json {
			if err := json.NewEncoder(stdout).Encode(r); err != nil {
				return err
			}
		}
		reports = append(reports, r)
	}
	if o.json {
		return nil
	}
	return writeTable(stdout, m, reports, o.compare != "")
}

// report is all that is said about a combination.
type report struct {
	result
	PeakShare float64 `json:"peak_share,omitempty"` // of one thread's peak, that a CPU-second reaches; 0 where that is unknown
	machine
	GorgoniaImagesPerSecond float64 `json:"gorgonia_images_per_second,omitempty"` // 0 unless compared
	GorgoniaRatio           float64 `json:"gorgonia_ratio,omitempty"`             // our images a second to Gorgonia's
}

func (o options) report(ctx context.Context, c combination, m machine) (report, error) {
	r := report{machine: m}
	var err error
	if r.result, err = o.inChild(ctx, engineOurs, c); err != nil {
		return r, err
	}
	r.PeakShare = r.MulAddsPerCPUSecond / m.PeakMulAdds
	if o.compare == "" || !c.hasRival() {
		return r, nil
	}
	rival, err := o.inChild(ctx, engineGorgonia, c)
	if err != nil {
		return r, err
	}
	r.GorgoniaImagesPerSecond = rival.ImagesPerSecond
	r.GorgoniaRatio = r.ImagesPerSecond / rival.ImagesPerSecond
	return r, nil
}

// inChild measures a combination in a process of its own: it starts with an
// empty heap and its high-water mark of memory is nobody else's.
func (o options) inChild(ctx context.Context, engine string, c combination) (result, error) {
	var r result
	exe, err := os.Executable()
	if err != nil {
		return r, fmt.Errorf("bench: %w", err)
	}
	out, err := exec.CommandContext(ctx, exe, "-child", engine, "-model", c.Model, "-mode", c.Mode,
		"-batch", strconv.Itoa(c.Batch), "-threads", strconv.Itoa(c.Threads), "-time", o.time.String()).Output()
	if ctx.Err() != nil {
		return r, fmt.Errorf("bench: stopped at %v: %w", c, ctx.Err())
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		said, _, _ := strings.Cut(string(exit.Stderr), "\n")
		return r, fmt.Errorf("bench: %v: %s (%w)", c, strings.TrimPrefix(said, "error: "), err)
	}
	if err != nil {
		return r, fmt.Errorf("bench: %v: %w", c, err)
	}
	if err := json.Unmarshal(out, &r); err != nil {
		return r, fmt.Errorf("bench: %v: the result is not JSON: %w", c, err)
	}
	return r, nil
}

// child measures the only combination and prints the result in JSON.
func child(ctx context.Context, o options, stdout io.Writer) error {
	c := o.combinations[0]
	r, err := measureCombination(ctx, o.child, c, o.time)
	if err != nil {
		return err
	}
	return json.NewEncoder(stdout).Encode(r)
}

// options are the flags.
type options struct {
	combinations   []combination
	time           time.Duration
	json, nodes    bool
	compare, child string
}

const doc = `measures training and inference for every combination of the flags.
A training step reads a batch from bytes, runs forward and backward, and updates with Adam; an inference step runs the graph,
a prediction is a call of infer.Predictor's Predict.
images/CPU-s is by processor time, the steadiest figure on a shared machine. FMA is multiply-adds: those of a forward run, and
for training three times those, less the first layer's once: nobody needs its input's gradient. Peak is the share, of
what one thread's registers can multiply and add, that a CPU-second of the step does.`

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	f := cli.Flags("bench", "[flags]", doc, stderr)
	models := f.String("model", "cnn", "networks, as in cnn,lenet5: those of go run ./cmd/zoo, and conv3")
	modes := f.String("mode", "train,infer", "some of "+strings.Join(modeNames, ","))
	batches := f.String("batch", "1,32,128,1024", "batch sizes")
	threads := f.String("threads", defaultThreads(), "numbers of threads")
	f.DurationVar(&o.time, "time", 3*time.Second, "time for each combination; at least 5 steps are measured")
	f.BoolVar(&o.json, "json", false, "print a line of JSON for each combination")
	f.BoolVar(&o.nodes, "profile", false, "print the time of each node of the graph instead")
	f.StringVar(&o.compare, "compare", "", "gorgonia: train the cnn built from Gorgonia's own ops too")
	f.StringVar(&o.child, "child", "", "measure the one combination in this process, ours or gorgonia; the command calls itself so")
	if err := cli.Parse(f, args); err != nil {
		return o, err
	}
	if err := cli.NoArguments(f); err != nil {
		return o, err
	}
	if err := o.combine(*models, *modes, *batches, *threads); err != nil {
		return o, err
	}
	return o, o.check()
}

// combine makes the combinations of four lists.
func (o *options) combine(models, modes, batches, threads string) error {
	sizes, err := numbers("batch", batches, maxBatch)
	if err != nil {
		return err
	}
	procs, err := numbers("threads", threads, maxThreads)
	if err != nil {
		return err
	}
	for model := range strings.SplitSeq(models, ",") {
		if _, err := lookup(model); err != nil {
			return cli.Usagef("%v", err)
		}
		for mode := range strings.SplitSeq(modes, ",") {
			if !slices.Contains(modeNames, mode) {
				return cli.Usagef("bench: -mode %q, want %s", mode, strings.Join(modeNames, ", "))
			}
			for _, n := range procs {
				for _, batch := range sizes {
					o.combinations = append(o.combinations, combination{model, mode, batch, n})
				}
			}
		}
	}
	return nil
}

func (o options) check() error {
	switch {
	case o.time <= 0:
		return cli.Usagef("bench: -time %v, want a positive duration, as in 3s", o.time)
	case o.nodes && (o.json || o.compare != ""):
		return cli.Usagef("bench: -profile goes with neither -json nor -compare")
	case o.nodes && slices.ContainsFunc(o.combinations, func(c combination) bool { return c.Mode == "predict" }):
		return cli.Usagef("bench: -profile with -mode predict, want infer, which has the same nodes")
	case o.compare != "" && o.compare != engineGorgonia:
		return cli.Usagef("bench: -compare %q, want gorgonia", o.compare)
	case o.compare != "" && !slices.ContainsFunc(o.combinations, combination.hasRival):
		return cli.Usagef("bench: -compare gorgonia compares the training of cnn, which -model and -mode leave out")
	case o.child == "":
		return nil
	case o.child != engineOurs && o.child != engineGorgonia:
		return cli.Usagef("bench: -child %q, want ours or gorgonia", o.child)
	case len(o.combinations) != 1:
		return cli.Usagef("bench: -child with %d combinations, want one", len(o.combinations))
	case o.child == engineGorgonia && !o.combinations[0].hasRival():
		return cli.Usagef("bench: -child gorgonia measures the training of cnn only")
	}
	return nil
}

// What can be asked for.
var modeNames = []string{"train", "infer", "predict"}

const (
	maxBatch   = 1 << 16
	maxThreads = 1 << 10
)

// numbers parses a list such as 1,32.
func numbers(name, list string, limit int) (all []int, err error) {
	for s := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > limit {
			return nil, cli.Usagef("bench: -%s %q, want numbers from 1 to %d, as in 1,2", name, list, limit)
		}
		all = append(all, n)
	}
	return all, nil
}
