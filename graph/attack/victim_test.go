package attack_test

import (
	"slices"
	"sync"
	"testing"

	"tapenet/graph"
	"tapenet/graph/attack"
	"tapenet/modelzoo"
)

// TestChanging: a victim with weights that change sees the change, beside a graph that
// trains them; the attack changes none of them.
func TestChanging(t *testing.T) {
	net, err := graph.NewNetwork(modelzoo.LeNet5(10), input[:], graph.Options{Seed: 5})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := net.Model(graph.Train, 4); err != nil {
		t.Fatal(err)
	}
	v, err := attack.Options{Changing: true, Batch: 12}.New(net.Layer, net.Weights, input, nil)
	if err != nil {
		t.Fatal(err)
	}
	images, classes := digits(t, 20)
	a := attack.PGD{Epsilon: 0.1, Steps: 3, Whole: true}
	before := attacked(t, a, v, images, classes)
	if err := net.Weights.Load(trained(t).Weights.Map()); err != nil {
		t.Fatal(err)
	}
	step := net.Weights.Step
	after := attacked(t, a, v, images, classes)
	other, err := attack.Options{Batch: 12}.New(net.Layer, trained(t).Weights, input, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := attacked(t, a, other, images, classes)
	for i, r := range after.Images {
		if !slices.Equal(r.Adversarial, want.Images[i].Adversarial) {
			t.Errorf("picture %d: not the one of a victim made with these weights", i)
		}
		if slices.Equal(r.Adversarial, before.Images[i].Adversarial) {
			t.Errorf("picture %d: the same as with other weights", i)
		}
	}
	for name, w := range trained(t).Weights.Map() {
		if !slices.Equal(net.Weights.Get(name).Float32s(), w.Float32s()) {
			t.Errorf("%s has changed", name)
		}
	}
	if net.Weights.Step != step {
		t.Errorf("step %d, want %d: an attack is none", net.Weights.Step, step)
	}
}

// TestConcurrent: attacks of several goroutines on one victim run one after the other.
func TestConcurrent(t *testing.T) {
	v := victim(t)
	images, classes := digits(t, 10)
	a := attack.Ensemble{Attacks: []attack.Attack{attack.FGSM{Epsilon: 0.05}, attack.PGD{Epsilon: 0.05, Steps: 3}}}
	want := attacked(t, a, v, images, classes)
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			o, err := a.Run(t.Context(), v, images, classes)
			if err != nil {
				t.Error(err)
				return
			}
			sameOutcome(t, "concurrent", o.Images, want.Images)
			if _, _, err := v.Predict(images); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// TestProgress: progress grows to the number of pictures, in an ensemble for each attack.
func TestProgress(t *testing.T) {
	v := victim(t)
	images, classes := digits(t, 300)
	last, total := map[string]int{}, 0
	v.Progress = func(name string, done, of int) {
		if done < last[name] {
			t.Errorf("%s: %d pictures done after %d", name, done, last[name])
		}
		last[name], total = done, of
	}
	a := attack.Ensemble{Attacks: []attack.Attack{attack.FGSM{Epsilon: 0.03}, attack.PGD{Epsilon: 0.03, Steps: 2}}}
	attacked(t, a, v, images, classes)
	if last["fgsm"] != 300 || last["pgd"] != 300 || total != 300 {
		t.Errorf("progress ends at %v of %d, want 300 each", last, total)
	}
}
