package bench

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"tapenet/cmd/internal/cli"
	"tapenet/modelzoo"
)

// combination is one thing to measure.
type combination struct {
	Model   string `json:"model"` // a name, or a path to a model
	Mode    string `json:"mode"`
	Batch   int    `json:"batch"`
	Threads int    `json:"threads"` // GOMAXPROCS
}

func (c combination) String() string {
	return fmt.Sprintf("%s, %s, batch %d, threads %d", label(c.Model), c.Mode, c.Batch, c.Threads)
}

// hasRival reports whether Gorgonia's own ops have a network for it.
func (c combination) hasRival() bool { return c.Model == "cnn" && c.Mode == modeTrain }

// What can be asked for.
const (
	modeTrain   = "train"
	modeInfer   = "infer"
	modePredict = "predict"
)

var modeNames = []string{modeTrain, modeInfer, modePredict}

// The engines that a child measures.
const (
	engineOurs     = "ours"
	engineGorgonia = "gorgonia"
)

// How a profile is listed.
const (
	byOp   = "op"
	byNode = "node"
)

const (
	maxBatch   = 1 << 16
	maxThreads = 1 << 10
	maxSide    = 1 << 14
	maxRounds  = 1000
)

// options are the flags.
type options struct {
	size
	combinations   []combination
	time           time.Duration
	json, profile  bool
	out            string
	by             string // how a profile is listed
	compare, child string
	against        string
	rounds         int

	lanes, ranks []int  // nil unless steps of train.Fit are measured
	launcher     string // of several ranks
}

const doc = `Measures training and inference for every combination of the flags.

A training step reads a batch from bytes, runs forward and backward, and updates with Adam; an inference step runs the graph, a prediction is a call of infer.Predictor's Predict. A model is a network of the zoo, one of this command, or a file or folder with a model of any format that infer takes.

images/CPU-s is by processor time, the steadiest figure on a shared machine. FMA is multiply-adds: those of a forward run, and for training three times those, less the first layer's once: nobody needs its input's gradient. Peak is the share, of what one thread's registers can multiply and add, that a CPU-second of the step does. Load, build and first run are the time from opening the network until the first answer, and peak MB beside them is the resident memory until then.`

func parse(args []string, stdout io.Writer) (options, error) {
	var o options
	f := cli.Flags("bench", "[flags]", doc, stdout)
	models := f.String("model", "cnn", "networks, as in cnn,lenet5,resnet50.onnx: those of tapenet zoo, "+ownNames()+", and trained or foreign models in files or folders")
	f.Names("model", modelzoo.Names()...)
	modes := f.String("mode", "", "some of "+strings.Join(modeNames, ",")+" (default train,infer; with -against onnxruntime infer)")
	f.Names("mode", modeNames...)
	batches := f.String("batch", "", "batch sizes (default 1,32,128,1024; 1,8 if a network is for photographs or a file's)")
	threads := f.String("threads", "", "numbers of threads (default 1 and as many as there are processors)")
	f.IntVar(&o.height, "height", 0, "height of the images (default the network's own, 224 where a file leaves it open)")
	f.IntVar(&o.width, "width", 0, "width of the images, likewise")
	f.DurationVar(&o.time, "time", 3*time.Second, "time for each combination, with -against for each turn; at least 5 steps are measured")
	f.BoolVar(&o.json, "json", false, "print a line of JSON for each combination")
	f.StringVar(&o.out, "out", "", "keep all samples, with machine and commit, in this .json file, or in one of its own in this folder")

	f.Group("Op by op")
	f.BoolVar(&o.profile, "profile", false, "print what the graph's ops take instead")
	f.StringVar(&o.by, "by", byOp, "with -profile: op, the longest time first, or node, in the order in which they run")
	f.OneOf("by", byOp, byNode)

	f.Group("Against others")
	f.StringVar(&o.against, "against", "", "take turns with another engine: "+strings.Join(againstNames, " or "))
	f.OneOf("against", againstNames...)
	f.IntVar(&o.rounds, "rounds", 5, "turns of each side, with -against and -lanes")
	f.StringVar(&o.compare, "compare", "", "gorgonia: train the cnn built from Gorgonia's own ops too")
	f.OneOf("compare", engineGorgonia)

	f.Group("Several processes")
	lanes := f.String("lanes", "", "take turns training with these numbers of lanes, as in 1,8")
	ranks := f.String("ranks", "", "and on these numbers of processes, as in 1,2; more than one need the tag mpi (default 1)")
	f.StringVar(&o.launcher, "launcher", "mpirun --bind-to none", "what starts several processes: -n and their number follow it")
	f.StringVar(&o.child, "child", "", "measure the one combination in this process: ours, gorgonia or lanes; the command calls itself so")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if err := f.NoArguments(); err != nil {
		return o, err
	}
	if err := o.share(*lanes, *ranks); err != nil {
		return o, err
	}
	if *modes == "" {
		*modes = o.defaultModes()
	}
	if *threads == "" {
		*threads = defaultThreads()
	}
	if *batches == "" {
		*batches = defaultBatches(*models)
	}
	if err := o.combine(*models, *modes, *batches, *threads); err != nil {
		return o, err
	}
	return o, o.check()
}

func (o options) defaultModes() string {
	switch {
	case o.against == againstONNXRuntime:
		return modeInfer
	case o.lanes != nil:
		return modeTrain
	}
	return modeTrain + "," + modeInfer
}

// defaultBatches are small for networks that take photographs, or may.
func defaultBatches(models string) string {
	for model := range strings.SplitSeq(models, ",") {
		if spec, _, err := lookup(model); isFile(model) || err == nil && spec.Input[1] >= openSize {
			return "1,8"
		}
	}
	return "1,32,128,1024"
}

// defaultThreads is one thread and all.
func defaultThreads() string {
	if n := runtime.GOMAXPROCS(0); n > 1 {
		return fmt.Sprintf("1,%d", n)
	}
	return "1"
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
		if err := exists(model); err != nil {
			return cli.Usagef("%v%s", err, cli.Meant(model, modelzoo.Names()))
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

// share reads the numbers of lanes and of ranks.
func (o *options) share(lanes, ranks string) (err error) {
	switch {
	case lanes == "" && ranks == "":
		return nil
	case lanes == "":
		return cli.Usagef("bench: -ranks without -lanes, want the lanes that the ranks share, as in -lanes 8")
	case ranks == "":
		ranks = "1"
	}
	if o.lanes, err = numbers("lanes", lanes, maxBatch); err != nil {
		return err
	}
	o.ranks, err = numbers("ranks", ranks, maxThreads)
	return err
}

// exists returns an error unless there is a network of that name or path.
func exists(model string) error {
	if !isFile(model) {
		_, _, err := lookup(model)
		return err
	}
	if _, err := os.Stat(model); err != nil {
		return fmt.Errorf("bench: -model: %w", err)
	}
	return nil
}

func (o options) check() error {
	has := func(f func(combination) bool) bool { return slices.ContainsFunc(o.combinations, f) }
	switch {
	case o.time <= 0:
		return cli.Usagef("bench: -time %v, want a positive duration, as in 3s", o.time)
	case min(o.height, o.width) < 0 || max(o.height, o.width) > maxSide:
		return cli.Usagef("bench: -height %d and -width %d, want 0 to %d, 0 for the network's own", o.height, o.width, maxSide)
	case o.lanes != nil:
		return o.checkLanes()
	case o.profile && (o.json || o.compare != "" || o.against != "" || o.out != ""):
		return cli.Usagef("bench: -profile goes with none of -json, -out, -compare and -against")
	case o.profile && has(func(c combination) bool { return c.Mode == modePredict }):
		return cli.Usagef("bench: -profile with -mode predict, want infer, which has the same nodes")
	case o.compare != "" && !has(combination.hasRival):
		return cli.Usagef("bench: -compare gorgonia compares the training of cnn, which -model and -mode leave out")
	case o.against != "":
		return o.checkAgainst()
	case o.child != "":
		return o.checkChild()
	}
	return nil
}

func (o options) checkLanes() error {
	switch {
	case o.profile || o.compare != "" || o.against != "":
		return cli.Usagef("bench: -lanes goes with none of -profile, -compare and -against")
	case slices.ContainsFunc(o.combinations, func(c combination) bool { return c.Mode != modeTrain }):
		return cli.Usagef("bench: -lanes with -mode infer or predict, want train")
	case o.rounds < 1 || o.rounds > maxRounds:
		return cli.Usagef("bench: -rounds %d, want 1 to %d", o.rounds, maxRounds)
	case len(o.shares()) == 0:
		return cli.Usagef("bench: more -ranks than -lanes, want at least one lane for each rank")
	case o.child != "" && o.child != engineLanes:
		return cli.Usagef("bench: -child %q with -lanes, want %s", o.child, engineLanes)
	case o.child == engineLanes && (len(o.combinations) != 1 || len(o.lanes) != 1):
		return cli.Usagef("bench: -child lanes with %d combinations and %d numbers of lanes, want one of each", len(o.combinations), len(o.lanes))
	case len(strings.Fields(o.launcher)) == 0:
		return cli.Usagef("bench: -launcher is empty, want a command, as in mpirun")
	}
	return nil
}

func (o options) checkAgainst() error {
	mode := func(m string) bool {
		return slices.ContainsFunc(o.combinations, func(c combination) bool { return c.Mode == m })
	}
	switch {
	case o.rounds < 1 || o.rounds > maxRounds:
		return cli.Usagef("bench: -rounds %d, want 1 to %d", o.rounds, maxRounds)
	case o.compare != "" || o.child != "":
		return cli.Usagef("bench: -against goes with neither -compare nor -child")
	case o.against == againstONNXRuntime && mode(modeTrain):
		return cli.Usagef("bench: -against onnxruntime with -mode train, want infer or predict: it does not train")
	case o.against == againstPyTorch && mode(modePredict):
		return cli.Usagef("bench: -against pytorch with -mode predict, want train or infer")
	}
	return nil
}

func (o options) checkChild() error {
	switch {
	case o.child != engineOurs && o.child != engineGorgonia:
		return cli.Usagef("bench: -child %q, want ours or gorgonia", o.child)
	case len(o.combinations) != 1:
		return cli.Usagef("bench: -child with %d combinations, want one", len(o.combinations))
	case o.child == engineGorgonia && !o.combinations[0].hasRival():
		return cli.Usagef("bench: -child gorgonia measures the training of cnn only")
	}
	return nil
}

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
