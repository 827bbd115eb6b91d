package robust

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"tapenet/graph/attack"
	"tapenet/infer"
)

// TestAttacksKnown: a dot left of the middle is turned by ε when the 21 pixels on the
// right, ε each, outweigh what is left of it, 1-ε: from ε = 1/22 on. Nothing that is
// closer does it.
func TestAttacksKnown(t *testing.T) {
	s := made{[][]float32{dot(3, 0), dot(3, 2)}, []int{0, 0}}
	tests := []struct {
		epsilon, want float64
	}{
		{0.04, 1}, {1/22.0 - 1e-3, 1}, {0.05, 0}, {0.3, 0},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.epsilon), func(t *testing.T) {
			r := measure(t, sides(t), s, Config{What: []string{"attacks/fgsm", "attacks/pgd"}, Epsilon: tt.epsilon})
			if len(r.Attacks.Attacks) != 2 || r.Attacks.Worst.Accuracy != tt.want || r.Attacks.Epsilon != tt.epsilon {
				t.Fatalf("attacks %+v, want two that leave %v", r.Attacks, tt.want)
			}
			for _, a := range r.Attacks.Attacks {
				found := int(2 - 2*tt.want)
				if a.Accuracy != tt.want || a.Saved < a.Accuracy || a.Name == "fgsm" && a.Saved != a.Accuracy || a.Found != found || a.Confirmed != found || a.Queries <= 0 {
					t.Errorf("%+v, want accuracy %v, all of %d confirmed", a, tt.want, found)
				}
			}
		})
	}
}

// TestAttackCurve: the same border, on the way to ε = 0.06 in six steps.
func TestAttackCurve(t *testing.T) {
	s := made{[][]float32{dot(3, 0), dot(3, 2)}, []int{0, 0}}
	r := measure(t, sides(t), s, Config{What: []string{"attacks/curve"}, Epsilon: 0.06})
	if c := r.Attacks.Curve; !slices.Equal(c.Accuracy, []float64{1, 1, 1, 1, 1, 0, 0}) || math.Abs(c.At[5]-0.05) > 1e-12 {
		t.Errorf("curve %+v, want it to fall at the fifth step, 0.05", c)
	}
	if r.Attacks.Epsilon != 0.06 || r.FailFirst[0].What != "attacks/pgd ε 0.05" {
		t.Errorf("ε %v, first failure %+v", r.Attacks.Epsilon, r.FailFirst[0])
	}
}

// TestNoDistance: attacks within 0 leave the images and the answers as they are.
func TestNoDistance(t *testing.T) {
	p, s := small(t)
	m := meterOf(t, p, s, Config{Epsilon: -1})
	for _, a := range attackers() {
		got, err := m.attacked(a.make(m.config))
		if err != nil {
			t.Fatal(err)
		}
		for i := range s.images {
			if !slices.Equal(got.pictures[i], s.images[i]) || got.answers[i] != m.clean[i] {
				t.Errorf("%s: image %d is another one, or %+v in place of %+v", a.name, i, got.answers[i], m.clean[i])
			}
		}
		if got.Accuracy != m.report.Clean.Accuracy || got.Saved != got.Accuracy {
			t.Errorf("%s: accuracy %v and %v, want %v", a.name, got.Accuracy, got.Saved, m.report.Clean.Accuracy)
		}
	}
}

func meterOf(t *testing.T, p *infer.Predictor, s made, c Config) *meter {
	t.Helper()
	c, err := c.checked()
	if err != nil {
		t.Fatal(err)
	}
	m, err := newMeter(t.Context(), p, s, c)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestAttacksConfirmed: what an attack on a network of ours finds is wrong when the
// saved picture is predicted alone, and inside the ball; both norms.
func TestAttacksConfirmed(t *testing.T) {
	p, s := small(t)
	for _, norm := range []attack.Norm{attack.Linf, attack.L2} {
		m := meterOf(t, p, s, Config{Norm: norm, Seed: 3})
		for _, a := range attackers() {
			got, err := m.attacked(a.make(m.config))
			if err != nil {
				t.Fatal(err)
			}
			right := 0
			for i, x := range got.pictures {
				one, err := p.Predict([][]float32{x})
				if err != nil {
					t.Fatal(err)
				}
				if one[0].Class == s.classes[i] {
					right++
				}
				if !norm.Inside(x, s.images[i], m.config.epsilon) {
					t.Errorf("%s %v: image %d is %v away", a.name, norm, i, norm.Distance(x, s.images[i]))
				}
				for _, v := range x {
					if k := 255 * v; v < 0 || v > 1 || max(k-float32(int(k+0.5)), float32(int(k+0.5))-k) > 1e-3 {
						t.Fatalf("%s %v: image %d has the value %v, want a multiple of 1/255", a.name, norm, i, v)
					}
				}
			}
			if want := float64(right) / float64(len(s.images)); got.Saved != want || got.Found != got.Confirmed {
				t.Errorf("%s %v: saved %v of which plain predictions make %v; %d of %d confirmed", a.name, norm, got.Saved, want, got.Confirmed, got.Found)
			}
		}
	}
}
