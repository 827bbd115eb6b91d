package attack_test

import (
	"context"
	"flag"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"tapenet/graph"
	"tapenet/graph/attack"
)

// count is how many pictures the weak networks are attacked on.
var count = flag.Int("images", 30, "pictures for TestEnsembleBreaksWeakNetworks")

// weak are networks that are known to be weak, the trained one as it is and behind what
// hides its gradient, and the warnings that they are to cause.
func weak(t *testing.T) []weakNetwork {
	net := trained(t)
	return []weakNetwork{
		{"plain", net.Layer, nil},
		{"logits times 1,000", graph.Sequential{net.Layer, affine{1000, 0}}, []string{"the gradient was zero"}},
		{"rounded to 8 levels", graph.Sequential{rounding{8}, net.Layer}, []string{"the gradient was zero", "square, which sees no gradient, found"}},
	}
}

type weakNetwork struct {
	name     string
	layer    graph.Layer
	warnings []string
}

// TestEnsembleBreaksWeakNetworks: nothing stands of networks that are known to be weak,
// and the warnings say which ones hide their gradient.
func TestEnsembleBreaksWeakNetworks(t *testing.T) {
	images, classes := digits(t, *count)
	for _, tt := range weak(t) {
		t.Run(tt.name, func(t *testing.T) {
			v := victimOf(t, tt.layer, renamed(trained(t).Weights))
			o := attacked(t, attack.Ensemble{Epsilon: 0.3, Seed: 1}, v, images, classes)
			checkOutcome(t, v, o, attack.Linf, 0.3, images, classes)
			if o.Accuracy() != 0 {
				t.Errorf("accuracy %v, want 0", o.Accuracy())
			}
			checkWarnings(t, o.Warnings, tt.warnings)
			by := map[string]int{}
			for _, r := range o.Images {
				by[r.By]++
			}
			t.Log("found by", by, o.Warnings)
		})
	}
}

func checkWarnings(t *testing.T, got, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("warnings %q, want %d", got, len(want))
	}
	for _, w := range want {
		if !slices.ContainsFunc(got, func(g string) bool { return strings.Contains(g, w) }) {
			t.Errorf("warnings %q, want one with %q", got, w)
		}
	}
}

// TestEnsembleL2: the ensemble finds more than its first attack.
func TestEnsembleL2(t *testing.T) {
	v := victim(t)
	images, classes := digits(t, 30)
	a := attack.Standard(attack.L2, 1.2, 1)
	a[3] = attack.Square{Norm: attack.L2, Epsilon: 1.2, Queries: 200}
	o := attacked(t, attack.Ensemble{Attacks: a}, v, images, classes)
	checkOutcome(t, v, o, attack.L2, 1.2, images, classes)
	first := attacked(t, attack.FGSM{Norm: attack.L2, Epsilon: 1.2}, v, images, classes)
	if !(o.Accuracy() < first.Accuracy()) || o.Accuracy() > 0.3 {
		t.Errorf("accuracy %v, FGSM's %v, want less, and 0.3 at most", o.Accuracy(), first.Accuracy())
	}
}

// TestEnsembleKeepsPlaces: each attack sees a picture as if it ran alone.
func TestEnsembleKeepsPlaces(t *testing.T) {
	v := victim(t)
	images, classes := digits(t, 40)
	first, second := attack.FGSM{Epsilon: 0.04}, attack.PGD{Epsilon: 0.05, Steps: 5, Seed: 4}
	both := attacked(t, attack.Ensemble{Attacks: []attack.Attack{first, second}}, v, images, classes)
	one, two := attacked(t, first, v, images, classes), attacked(t, second, v, images, classes)
	seen := map[string]int{}
	for i, r := range both.Images {
		want := two.Images[i]
		if one.Images[i].Success {
			want = one.Images[i]
		}
		seen[want.By]++
		if want.Success && !slices.Equal(r.Adversarial, want.Adversarial) || r.By != want.By {
			t.Errorf("picture %d is found by %q, alone by %q, or another one", i, r.By, want.By)
		}
	}
	if seen["fgsm"] == 0 || seen["pgd"] == 0 || seen[""] == 0 {
		t.Errorf("found by %v, want some by each, and some by none", seen)
	}
}

// TestWarnings: a network that is randomised, or that hands over probabilities, causes a
// warning.
func TestWarnings(t *testing.T) {
	net := trained(t)
	images, classes := digits(t, 10)
	quick := attack.Ensemble{Attacks: []attack.Attack{attack.FGSM{Epsilon: 0.01}}}
	for _, tt := range []weakNetwork{
		{"plain", net.Layer, nil},
		{"probabilities", graph.Sequential{net.Layer, softMax{}}, []string{"the network's output looks like probabilities"}},
		{"random", graph.Sequential{net.Layer, noisy{new(atomic.Uint64)}}, []string{"the network is randomised: 10 of 10 pictures"}},
	} {
		v := victimOf(t, tt.layer, renamed(net.Weights))
		o, err := quick.Run(context.Background(), v, images, classes)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(tt.name, func(t *testing.T) { checkWarnings(t, o.Warnings, tt.warnings) })
	}
}

func TestEnsembleErrors(t *testing.T) {
	images, classes := digits(t, 2)
	for _, tt := range []struct {
		attacks []attack.Attack
		want    string
	}{
		{[]attack.Attack{}, "the ensemble has no attacks"},
		{[]attack.Attack{attack.PGD{Whole: true}}, "the ensemble has pgd with Whole"},
		{[]attack.Attack{attack.Ensemble{}}, "the ensemble has ensemble, want attacks of this package"},
		{[]attack.Attack{attack.Square{Size: 2}}, "attack: size 2, want above 0 and at most 1"},
		{[]attack.Attack{attack.Square{Queries: -1}}, "attack: -1 queries"},
		{[]attack.Attack{attack.FAB{Targets: -1}}, "attack: -1 targets"},
		{[]attack.Attack{attack.APGD{Restarts: -1}}, "attack: -1 restarts"},
	} {
		_, err := attack.Ensemble{Attacks: tt.attacks}.Run(context.Background(), victim(t), images, classes)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("got error %v, want %q", err, tt.want)
		}
	}
}
