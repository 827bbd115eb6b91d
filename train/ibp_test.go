package train

import (
	"math"
	"testing"

	"tapenet/graph"
	"tapenet/graph/bound"
	"tapenet/train/data"
)

// The radius rises from 0 after the warm-up, κ falls from 1.
func TestIBPSchedule(t *testing.T) {
	d := IBP{Epsilon: 0.4, Warmup: 1, Ramp: 2, Share: 0.75}
	for _, tt := range []struct {
		step           int
		epsilon, kappa float64
	}{{0, 0, 1}, {10, 0, 1}, {15, 0.1, 1 - 0.1875}, {30, 0.4, 0.25}, {99, 0.4, 0.25}} {
		epsilon, kappa := d.at(Moment{Step: tt.step, StepsPerEpoch: 10, Epochs: 9})
		if math.Abs(epsilon-tt.epsilon) > 1e-15 || math.Abs(kappa-tt.kappa) > 1e-15 {
			t.Errorf("step %d: %g and %g, want %g and %g", tt.step, epsilon, kappa, tt.epsilon, tt.kappa)
		}
	}
	if epsilon, kappa := (IBP{Epsilon: 0.3}).at(Moment{Step: 15, StepsPerEpoch: 10, Epochs: 9}); epsilon != 0.15 || kappa != 0.75 {
		t.Errorf("the defaults give %g and %g, want half of 0.3 and of ½", epsilon, kappa)
	}
}

func TestIBPErrors(t *testing.T) {
	for want, d := range map[string]IBP{
		"IBP: Epsilon 0, want above 0": {}, "IBP: Epsilon 2": {Epsilon: 2}, "IBP: Share 2": {Epsilon: 1, Share: 2},
		"IBP: Warmup": {Epsilon: 1, Warmup: -1}, "IBP: Ramp": {Epsilon: 1, Ramp: math.Inf(1)},
	} {
		failing(t, boundedNet(), blobSet(20, 5), Config{Defence: d}, "train: ", want)
	}
	failing(t, lanedNet(), blobSet(20, 5), Config{Defence: IBP{Epsilon: 0.1}}, "loss/bounds: no interval bounds of ", "in batchnorm", "statistics of the batch")
}

// Training with it widens the margins that are certain, with normalised images as well; a
// run that stops and goes on comes to the same weights.
func TestIBPTrains(t *testing.T) {
	const epsilon = 0.12
	for name, prepare := range map[string]func(d data.Dataset) (data.Dataset, error){
		"pixels": func(d data.Dataset) (data.Dataset, error) { return d, nil },
		"normalised": func(d data.Dataset) (data.Dataset, error) {
			return data.Normalize(d, data.Stats{Mean: []float64{0.4}, Deviation: []float64{0.3}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			set, err := prepare(blobSet(90, 9))
			if err != nil {
				t.Fatal(err)
			}
			c := Config{Epochs: 6, Batch: 10, Optimizer: Adam{LR: 0.02}}
			plain := certain(t, fit(t, boundedNet(), set, c).Network, set, epsilon)
			c.Defence = IBP{Epsilon: 1.3 * epsilon, Warmup: 0.5, Ramp: 3}
			whole := fit(t, boundedNet(), set, c)
			if got := certain(t, whole.Network, set, epsilon); got < plain+0.2 {
				t.Errorf("%.2f of the images are certain, plain training has %.2f: want much more", got, plain)
			}
			c.Dir, c.Epochs = t.TempDir(), 2
			fit(t, boundedNet(), set, c)
			c.Resume, c.Epochs = true, 6
			if got := fit(t, boundedNet(), set, c); got.SHA256 != whole.SHA256 {
				t.Error("a run that stopped and went on has other weights")
			}
		})
	}
}

// certain is the share of the training images whose class no image within epsilon changes.
func certain(t *testing.T, net *graph.Network, set data.Dataset, epsilon float64) float64 {
	t.Helper()
	v, err := bound.NewVerifier(net.Layer, net.Weights, set.Shape, set.Stats.Normalisation())
	if err != nil {
		t.Fatal(err)
	}
	var images [][]float32
	var classes []int
	for i := range set.Train.Len() {
		x := make([]float32, set.Shape[0]*set.Shape[1]*set.Shape[2])
		class, err := set.Train.Read(i, x)
		if err != nil {
			t.Fatal(err)
		}
		set.Stats.Undo(x)
		for k, p := range x {
			x[k] = min(max(p, 0), 1) // of the blobs
		}
		images, classes = append(images, x), append(classes, class)
	}
	margins, err := v.Margins(t.Context(), images, classes, epsilon)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, m := range margins {
		if m > 0 {
			n++
		}
	}
	return float64(n) / float64(len(margins))
}
