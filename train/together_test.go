package train

import (
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/graph/attack"
	"tapenet/train/data"
)

// lanedNet has all that depends on lanes: statistics, random numbers, a convolution
// and a product.
func lanedNet() graph.Layer {
	return graph.Sequential{
		graph.Conv2D{Filters: 3, Kernel: 3, Padding: graph.Same}, graph.BatchNorm{}, graph.ReLU,
		graph.Flatten{}, graph.Dropout{Rate: 0.3}, graph.Dense{Units: 3},
	}
}

// boundedNet has interval bounds in training, which lanedNet has not.
func boundedNet() graph.Layer {
	return graph.Sequential{
		graph.Conv2D{Filters: 3, Kernel: 3, Activation: graph.ReLU}, graph.Flatten{}, graph.Dense{Units: 3},
	}
}

// groupTable has a row for every field of Config that changes what a run computes: with
// it, any number of ranks comes to the same weights.
var groupTable = map[string]Config{
	"":                        {},
	"Batch":                   {Batch: 19}, // lanes of two and three samples, then of none and one
	"Epochs":                  {Epochs: 1},
	"Optimizer":               {Optimizer: NAdam{WeightDecay: 0.01}},
	"Seed":                    {Seed: 7},
	"From":                    {From: firstValues(lanedNet())},
	"LabelSmoothing":          {LabelSmoothing: 0.1},
	"GeneralizedCrossEntropy": {GeneralizedCrossEntropy: 0.7},
	"Focal":                   {Focal: 2},
	"ClassWeights":            {ClassWeights: []float64{1, 0, 3}},
	"SampleWeights":           {SampleWeights: someWeights(53)},
	"Mixup":                   {Mixup: 0.3},
	"CutMix":                  {CutMix: 1},
	"Defence":                 {Defence: darkening{0.01}},
	"Defence, IBP":            {Defence: IBP{Epsilon: 0.1}},
	"fgsm":                    {Defence: Adversarial{Method: "fgsm", Epsilon: 0.3, Watch: 20}},
	"pgd":                     {Defence: Adversarial{Method: "pgd", Epsilon: 0.3, Steps: 3, Ramp: 0.5, Norm: attack.L2}},
	"trades":                  {Defence: Adversarial{Method: "trades", Epsilon: 0.3, Steps: 3}, SampleWeights: someWeights(53), LabelSmoothing: 0.1},
	"Teacher":                 {Defence: someTeacher(), SampleWeights: someWeights(53), LabelSmoothing: 0.1},
	"Lanes":                   {Lanes: 11},
	"Schedule":                {Schedule: ReduceOnPlateau{Patience: 1}},
	"Backbone":                {Backbone: blobBackbone()},
	"Rates":                   {Rates: map[string]float64{"dense/weight": 0.1, "conv2d/weight": 3}},
	"ClipValue":               {ClipValue: 0.01},
	"ClipNorm":                {ClipNorm: 0.1},
	"Accumulate":              {Accumulate: 2},
	"Average":                 {Average: 0.8},
	"Patience":                {Patience: 1, Epochs: 5, Optimizer: SGD{LR: 3}},
}

// noRow are the fields of Config that change nothing about the weights.
var noRow = map[string]string{
	"Dir": "the folder", "KeepCheckpoints": "the folder", "Model": "the folder", "Resume": "TestGroupResumes", "Until": "TestPauses", "CheckpointEvery": "TestCheckpointEvery",
	"OnEarlier": "the folder", "Callbacks": "told alone", "Group": "all rows", "Replan": "refused", "oneByOne": "TestGroup compares both ways",
}

// firstValues are first values for a network of blobSet's images, of another seed than 0.
func firstValues(l graph.Layer) map[string]*tensor.Dense {
	n, err := graph.NewNetwork(l, []int{1, 4, 4}, graph.Options{Seed: 11})
	if err != nil {
		panic(err)
	}
	return n.Weights.Map()
}

func someWeights(n int) []float32 {
	w := make([]float32, n)
	for i := range w {
		w[i] = float32(i%4) / 2
	}
	return w
}

// TestGroupTable: a field of Config without a row would be one whose bits nobody
// compares.
func TestGroupTable(t *testing.T) {
	fields := reflect.TypeFor[Config]()
	for i := range fields.NumField() {
		name := fields.Field(i).Name
		row, has := groupTable[name]
		if has == (noRow[name] != "") {
			t.Errorf("field %s: want a row in groupTable, or a reason in noRow why there is none", name)
		}
		if has && reflect.ValueOf(row).Field(i).IsZero() {
			t.Errorf("the row of %s does not set it", name)
		}
	}
}

// TestGroup: for every row of the table, 1 to 8 ranks come to the bits of one process
// with as many lanes.
func TestGroup(t *testing.T) {
	for name, c := range groupTable {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			net := lanedNet
			if c.Backbone != nil {
				net = headNet
			}
			if _, ok := c.Defence.(IBP); ok {
				net = boundedNet
			}
			if c.Epochs == 0 {
				c.Epochs = 2
			}
			if c.Batch == 0 {
				c.Batch = 20
			}
			d := func() data.Dataset { return data.Augment(blobSet(53, 2*evalBatch+7), 1, data.Shift{By: 0.2}) }
			one := c
			if one.Lanes == 0 {
				one.Lanes = 8
			}
			want := fit(t, net(), d(), one)
			one.oneByOne = true
			if got := fit(t, net(), d(), one); got.SHA256 != want.SHA256 || got.History[0].Loss != want.History[0].Loss {
				t.Errorf("lane by lane the weights or losses are others than in one run")
			}
			for size := 1; size <= 8; size++ {
				if testing.Short() && size > 3 && size < 8 {
					continue
				}
				edit := func(rank int, c *Config, _ *data.Dataset) { c.oneByOne = rank%2 > 0 }
				for r, got := range fitGroup(t, size, net, d, c, edit) {
					switch {
					case got.err != nil:
						t.Fatalf("rank %d of %d: %v", r, size, got.err)
					case got.SHA256 != want.SHA256:
						t.Errorf("rank %d of %d has other weights or another state than one process", r, size)
					case got.Lanes != want.Lanes || len(got.History) != len(want.History):
						t.Errorf("rank %d of %d: %d lanes, %d epochs, want %d and %d", r, size, got.Lanes, len(got.History), want.Lanes, len(want.History))
					case size > 1 && len(got.Ranks) != size:
						t.Errorf("rank %d of %d: times of %d ranks", r, size, len(got.Ranks))
					}
					for i, e := range got.History {
						w := want.History[i]
						e.ImagesPerSecond, w.ImagesPerSecond = 0, 0
						if e != w {
							t.Errorf("rank %d of %d: epoch %+v, want %+v", r, size, e, w)
						}
					}
					if !reflect.DeepEqual(bits(got.Network), bits(want.Network)) {
						t.Errorf("rank %d of %d returns another network than one process", r, size)
					}
				}
			}
		})
	}
}

// TestLanesMatter: statistics and random numbers are a lane's own, and without either
// lanes change the rounding alone.
func TestLanesMatter(t *testing.T) {
	c := Config{Epochs: 2, Batch: 20}
	eight := c
	eight.Lanes = 8
	if fit(t, lanedNet(), blobSet(53, 9), c).SHA256 == fit(t, lanedNet(), blobSet(53, 9), eight).SHA256 {
		t.Error("8 lanes have the statistics of one")
	}
	c.Optimizer, eight.Optimizer = SGD{LR: 0.1}, SGD{LR: 0.1}
	c.ClassWeights, eight.ClassWeights = []float64{1, 0, 3}, []float64{1, 0, 3}
	one, many := fit(t, plainNet(), blobSet(53, 9), c), fit(t, plainNet(), blobSet(53, 9), eight)
	checkClose(t, "weights", weightsOf(many.Network), weightsOf(one.Network), 1e-5)
	for i, want := range one.History {
		got := many.History[i]
		checkClose(t, "losses and accuracies", []float64{got.Loss, got.Accuracy, got.ValLoss, got.ValAccuracy},
			[]float64{want.Loss, want.Accuracy, want.ValLoss, want.ValAccuracy}, 1e-5)
	}
}

// TestGroupFolder: the first rank alone has the folder and the callbacks.
func TestGroupFolder(t *testing.T) {
	dir := t.TempDir()
	told := make([]int, 3)
	c := Config{Epochs: 2, Batch: 20, Dir: filepath.Join(dir, "run")}
	all := fitGroup(t, 3, lanedNet, func() data.Dataset { return blobSet(53, 9) }, c, func(rank int, c *Config, _ *data.Dataset) {
		c.Dir = filepath.Join(dir, fmt.Sprint("rank", rank))
		c.Callbacks = []Callback{onStart(func(*graph.Network, Progress) error { told[rank] += 100; return nil }),
			BatchFunc(func(p Progress) { told[rank] += len(p.Ranks) / 3 }), onEpoch(func(Epoch) { told[rank] += 10 })}
	})
	for r, got := range all {
		if got.err != nil {
			t.Fatalf("rank %d: %v", r, got.err)
		}
	}
	if want := []int{126, 0, 0}; !reflect.DeepEqual(told, want) {
		t.Errorf("callbacks were told %v times, want %v", told, want)
	}
	if _, err := ReadRecord(filepath.Join(dir, "rank0")); err != nil {
		t.Errorf("the first rank's folder: %v", err)
	}
	for _, name := range []string{"rank1", "rank2"} {
		if got, _ := filepath.Glob(filepath.Join(dir, name)); got != nil {
			t.Errorf("there is %s, want the first rank's folder alone", name)
		}
	}
}

// TestGroupFails: a sample that one rank cannot read ends all ranks after the same
// step, whichever it is, and so does a network that fails to run.
func TestGroupFails(t *testing.T) {
	const size = 3
	for _, epoch := range []bool{true, false} {
		for bad := 0; bad < 53; bad += 4 {
			d := func() data.Dataset { return blobSet(53, 2*evalBatch+7) }
			c := Config{Epochs: 1, Batch: 20, Seed: uint64(bad), Dir: filepath.Join(t.TempDir(), "run")}
			var who int
			all := fitGroup(t, size, lanedNet, d, c, func(rank int, _ *Config, d *data.Dataset) {
				part := d.Train
				if !epoch {
					part = d.Test
				}
				part.(*blobs).onRead = func(i int) (int, error) {
					if i == bad {
						who = rank
						return 0, errDisk
					}
					return -1, nil
				}
			})
			what := "training sample"
			if !epoch {
				what = "evaluation sample"
			}
			for r, got := range all {
				var lost *GroupError
				if got.err == nil || errors.As(got.err, &lost) || !strings.Contains(got.err.Error(), fmt.Sprint(what, " ", bad, ": ", errDisk)) {
					t.Fatalf("sample %d, rank %d: error %v, want that of the sample", bad, r, got.err)
				}
				if own := errors.Is(got.err, errDisk); own != (r == who) || !own && !strings.HasPrefix(got.err.Error(), fmt.Sprintf("train: rank %d: ", who)) {
					t.Errorf("sample %d, rank %d: error %v, want it to name rank %d", bad, r, got.err, who)
				}
			}
		}
	}
}

// TestGroupRefused: what one rank refuses before the first step ends all of them.
func TestGroupRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		edit func(c *Config, d *data.Dataset)
		want string
	}{
		"settings":    {func(c *Config, _ *data.Dataset) { c.Batch = -1 }, "want positive numbers"},
		"other batch": {func(c *Config, _ *data.Dataset) { c.Batch = 21 }, "its batch size is 20, this run's 21"},
		"epochs":      {func(c *Config, _ *data.Dataset) { c.Epochs = 3 }, "its epochs, pause, patience and arithmetic are 1, 0, 0 and "},
		"dataset":     {func(_ *Config, d *data.Dataset) { d.Name = "dots" }, `its dataset is "blobs", this run's "dots"`},
		"classes":     {func(_ *Config, d *data.Dataset) { d.Classes = []string{"a"} }, "one for each class"},
	} {
		for rank := range 3 {
			if name != "settings" && name != "classes" && rank == 0 {
				continue // the first one's are everybody's
			}
			all := fitGroup(t, 3, plainNet, func() data.Dataset { return blobSet(53, 9) }, Config{Epochs: 1, Batch: 20}, func(r int, c *Config, d *data.Dataset) {
				if r == rank {
					tt.edit(c, d)
				}
			})
			for r, got := range all {
				if got.err == nil || !strings.Contains(got.err.Error(), tt.want) {
					t.Errorf("%s on rank %d: rank %d has error %v, want %q", name, rank, r, got.err, tt.want)
				}
			}
		}
	}
	if err := fitGroup(t, 3, plainNet, func() data.Dataset { return blobSet(9, 9) }, Config{Lanes: 2}, nil)[0].err; err == nil || !strings.Contains(err.Error(), "2 lanes on 3 ranks") {
		t.Errorf("error %v, want too few lanes", err)
	}
}

// TestGroupLost: a group that fails, at whichever call, is an error of its own on all
// ranks, and nobody waits for ever.
func TestGroupLost(t *testing.T) {
	for call := 1; ; call++ {
		group := newGroup(3)
		group[0].(member).breakAt = call
		all := fitRanks(t, group, lanedNet, func() data.Dataset { return blobSet(53, 9) }, Config{Epochs: 1, Batch: 20, Patience: 2}, nil)
		lost, done := 0, 0
		for r, got := range all {
			var e *GroupError
			switch {
			case got.err == nil:
				done++
			case errors.As(got.err, &e) && strings.Contains(got.err.Error(), "cut off"):
				lost++
			default:
				t.Errorf("call %d, rank %d: error %v, want a GroupError", call, r, got.err)
			}
		}
		if done == 3 && call > 20 {
			return
		}
		if lost != 3 {
			t.Fatalf("call %d: %d ranks have lost the others, %d are done, want all lost", call, lost, done)
		}
	}
}

// TestGroupDiverges: weights that differ are noticed at the end of the epoch.
func TestGroupDiverges(t *testing.T) {
	all := fitGroup(t, 3, plainNet, func() data.Dataset { return blobSet(53, 9) }, Config{Epochs: 2, Batch: 20}, func(rank int, c *Config, _ *data.Dataset) {
		c.Optimizer = crooked{rank: rank}
	})
	for r, got := range all {
		if got.err == nil || !strings.Contains(got.err.Error(), "after epoch 1 rank 2 has other weights than rank 0") {
			t.Errorf("rank %d: error %v, want the difference", r, got.err)
		}
	}
}

// crooked is SGD but for one rank, whose arithmetic is another one.
type crooked struct{ rank int }

func (crooked) Slots() []string { return nil }
func (crooked) String() string  { return "crooked" }
func (o crooked) Update(step uint64, w, grad []float32, slots [][]float32) {
	SGD{}.Update(step, w, grad, slots)
	if o.rank == 2 {
		w[0] += 1e-3
	}
}

// TestAgree: all ranks have an error if one has.
func TestAgree(t *testing.T) {
	if Agree(nil, nil) != nil || Agree(nil, errDisk) != errDisk {
		t.Error("one process: want its own error")
	}
	for _, failing := range [][]int{{}, {0}, {2}, {1, 2}} {
		group, errs, done := newGroup(3), make([]error, 3), make(chan int)
		for r, g := range group {
			go func() {
				var mine error
				for _, f := range failing {
					if f == r {
						mine = errDisk
					}
				}
				errs[r] = Agree(g, mine)
				done <- r
			}()
		}
		for range group {
			<-done
		}
		for r, err := range errs {
			own := errors.Is(err, errDisk)
			switch {
			case len(failing) == 0 && err != nil, len(failing) > 0 && err == nil:
				t.Errorf("%v fail: rank %d has error %v", failing, r, err)
			case err != nil && !own && err.Error() != fmt.Sprintf("train: rank %d: %v", failing[0], errDisk):
				t.Errorf("%v fail: rank %d has error %v", failing, r, err)
			}
		}
	}
}

// TestTooMany: the ranks of one machine share its memory.
func TestTooMany(t *testing.T) {
	needs := []hostNeed{{"a", 30e6}, {"b", 500e6}, {"a", 40e6}}
	if err := tooMany(needs, "a", 70e6); err != nil {
		t.Errorf("error %v, want none: it just fits", err)
	}
	err := tooMany(needs, "a", 69e6)
	if want := "train: the 2 ranks on a need 70 MB of memory together; available are 69 MB: want fewer ranks on it"; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("error %v, want %q", err, want)
	}
}

// TestGroupOfFewParameters: ranks that have no parameter to add up take part all the same.
func TestGroupOfFewParameters(t *testing.T) {
	net := func() graph.Layer {
		return graph.Sequential{graph.GlobalAvgPool2D{}, graph.Dense{Units: 3, NoBias: true}} // three weights
	}
	d := func() data.Dataset { return blobSet(53, 9) }
	want := fit(t, net(), d(), Config{Epochs: 1, Batch: 20, Lanes: 8})
	for r, got := range fitGroup(t, 8, net, d, Config{Epochs: 1, Batch: 20}, nil) {
		if got.err != nil || got.SHA256 != want.SHA256 {
			t.Errorf("rank %d: error %v, want the weights of one process", r, got.err)
		}
	}
}
