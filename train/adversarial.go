package train

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"tapenet/graph/attack"
	"tapenet/graph/raster"
)

// Adversarial is a Defence that trains on pictures which are attacked first, with the
// weights that the network has just then:
//
//	fgsm    one step of the gradient's sign from a random start (Wong, Rice and Kolter
//	        2020, arXiv 2001.03994)
//	pgd     several steps from a random start (Madry et al. 2017, arXiv 1706.06083)
//	trades  the clean picture's loss and Beta times KL(p(clean) ‖ p(attacked)), whose
//	        attack makes that divergence large (Zhang et al. 2019, arXiv 1901.08573)
//
// The start is uniform in the ball, with trades too; that of fgsm alone may lie beyond
// 0..1. An attack sees the network as in inference: BatchNorm by its running statistics,
// no Dropout. Distances are of pixels in 0..1, the dataset's normalisation lies behind
// them, and an attacked picture lies in 0..1. What is random in the attack of a sample
// follows from the run's seed, the epoch and the sample's index.
//
// With trades a step runs the network twice, on the attacked pictures and then on the
// clean ones, whose accuracy and running statistics are kept. Otherwise the training
// accuracy is that of attacked pictures.
type Adversarial struct {
	Method   string      // fgsm, pgd or trades
	Epsilon  float64     // the largest distance; not 0
	Norm     attack.Norm // of the distance; the zero value is L∞
	Steps    int         // of an attack; 0 means 1 for fgsm, 10 for the others
	StepSize float64     // 0 means 1.25·Epsilon for fgsm, 2.5·Epsilon/Steps for the others
	Ramp     float64     // epochs in which Epsilon and StepSize rise in equal steps from 0; 0 means none
	Beta     float64     // trades: the divergence's weight, 1/λ; 0 means 6

	// Watch is the number of samples on which PGD of WatchSteps steps measures the
	// network after every epoch, see Epoch.Attacked: the first ones of the dataset's
	// Test if that is held out from the training set, else of its Train. 0 means none.
	Watch int
	// Collapse ends the run, if Watch is not 0, when Epoch.Attacked is so much below that
	// of the best epoch, whose weights the network then has: the catastrophic overfitting
	// of fgsm. 0 means 0.2 for fgsm, and never for the others.
	Collapse float64
}

// WatchSteps are the steps of PGD that Adversarial.Watch measures by, each of a tenth of
// Epsilon, from the clean picture.
const WatchSteps = 20

// AdversarialMethods are the values of Adversarial.Method.
func AdversarialMethods() []string { return []string{"fgsm", "pgd", "trades"} }

// Check returns an error if a setting is of no use.
func (a Adversarial) Check() error {
	switch {
	case !slices.Contains(AdversarialMethods(), a.Method):
		return fmt.Errorf("Adversarial: Method %.32q, want one of %s", a.Method, strings.Join(AdversarialMethods(), ", "))
	case !(a.Epsilon > 0) || math.IsInf(a.Epsilon, 0):
		return fmt.Errorf("Adversarial: Epsilon %g, want above 0: a distance of pixels in 0..1", a.Epsilon)
	case a.Norm == attack.Linf && a.Epsilon > 1:
		return fmt.Errorf("Adversarial: Epsilon %g, want up to 1 for linf: pixels are 0..1", a.Epsilon)
	case a.Norm != attack.Linf && a.Norm != attack.L2:
		return fmt.Errorf("Adversarial: %v, want linf or l2", a.Norm)
	case a.Steps < 0:
		return fmt.Errorf("Adversarial: Steps %d, want 1 or more, or 0 for the default", a.Steps)
	case a.Watch < 0:
		return fmt.Errorf("Adversarial: Watch %d, want 1 or more, or 0 for none", a.Watch)
	case a.Method == "fgsm" && a.Steps > 1:
		return fmt.Errorf("Adversarial: %d Steps of fgsm, want 1, or pgd", a.Steps)
	case a.Method != "trades" && a.Beta != 0:
		return fmt.Errorf("Adversarial: Beta %g for %s, which has none: want trades", a.Beta, a.Method)
	}
	return cmp.Or(positive("Adversarial: StepSize", a.StepSize), positive("Adversarial: Ramp", a.Ramp),
		positive("Adversarial: Beta", a.Beta), share("Adversarial: Collapse", a.Collapse))
}

// defaults fills in what is 0.
func (a Adversarial) defaults() Adversarial {
	steps, size := 10, 2.5
	if a.Method == "fgsm" {
		steps, size = 1, 1.25
	}
	a.Steps = cmp.Or(a.Steps, steps)
	a.StepSize = cmp.Or(a.StepSize, size*a.Epsilon/float64(a.Steps))
	if a.Method == "trades" {
		a.Beta = cmp.Or(a.Beta, 6)
	}
	if a.Method == "fgsm" {
		a.Collapse = cmp.Or(a.Collapse, 0.2)
	}
	return a
}

// String is all settings that count, the defaults too.
func (a Adversarial) String() string {
	a = a.defaults()
	text := fmt.Sprintf("%s epsilon %g %v steps %d of %g", a.Method, a.Epsilon, a.Norm, a.Steps, a.StepSize)
	text = with(with(text, "ramp", a.Ramp), "beta", a.Beta)
	if a.Watch > 0 {
		text = with(with(text, "watch", float64(a.Watch)), "collapse", a.Collapse)
	}
	return text
}

// radius is how much of Epsilon and StepSize a step has.
func (a Adversarial) radius(at Moment) float64 {
	ramp := a.Ramp * float64(at.StepsPerEpoch)
	if float64(at.Step) >= ramp {
		return 1
	}
	return float64(at.Step) / ramp
}

// laneByLane is for a step of two runs.
func (a Adversarial) laneByLane() bool { return a.Method == "trades" }

// Begin makes the adversary; its graphs come with the first batch.
func (a Adversarial) Begin(t Task) (Defender, error) {
	a = a.defaults()
	d := &adversary{Adversarial: a, task: t, norm: raster.NewNormalisation(t.Stats.Mean, t.Stats.Deviation)}
	if a.Method == "trades" {
		return &trades{adversary: d}, nil
	}
	return d, nil
}
