package update_test

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"testing"

	"tapenet/graph/update"
)

// wave is n numbers between -1 and 1.
func wave(n int, frequency float64) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(math.Sin(frequency * float64(i+1)))
	}
	return x
}

var step = update.AdamStep{LR: 0.01, Epsilon: 1e-7, Beta1: 0.9, Beta2: 0.999, Rest1: 0.1, Rest2: 0.001}

// The rules equal their formulas in float64, for long and for short parameters.
func TestRules(t *testing.T) {
	for _, n := range []int{1, 7, 8, 1000, 50_003} {
		w, g, m, v := wave(n, 1), wave(n, 2), wave(n, 3), wave(n, 0.001)
		for i := range v {
			v[i] *= v[i]
		}
		adam, sgd, ball := slices.Clone(w), slices.Clone(w), slices.Clone(w)
		newM, newV, u := slices.Clone(m), slices.Clone(v), slices.Clone(m)
		update.Adam(adam, g, newM, newV, step)
		update.SGD(sgd, g, 0.1)
		update.Momentum(ball, g, u, 0.1, 0.9)
		ahead, newG, lionW, lionM, full, avg := slices.Clone(w), slices.Clone(g), slices.Clone(w), slices.Clone(m), slices.Clone(w), slices.Clone(w)
		update.Nesterov(ahead, g, slices.Clone(m), 0.1, 0.9)
		update.Normalise(newG, slices.Clone(v), 0.5, 0.5, 1e-3)
		update.Lion(lionW, g, lionM, update.LionStep{LR: 0.01, Beta1: 0.9, Beta2: 0.99, Rest1: 0.1, Rest2: 0.01, Decay: 0.05})
		all := step
		all.Look, all.Decay, all.Epsilon = 0.02, 0.05, 1e-3
		update.Adam(full, g, slices.Clone(m), slices.Clone(v), all)
		update.Average(avg, g, 0.3)
		sum, scaled := slices.Clone(w), slices.Clone(w)
		update.Add(sum, g)
		update.Scale(scaled, 0.3)
		for i := range w {
			wi, gi, mi, vi := float64(w[i]), float64(g[i]), float64(m[i]), float64(v[i])
			m1, v1, u1 := 0.9*mi+0.1*gi, 0.999*vi+0.001*gi*gi, 0.9*mi+gi
			for name, c := range map[string]struct {
				got  float32
				want float64
			}{
				"adam": {adam[i], wi - 0.01*m1/(math.Sqrt(v1)+1e-7)}, "m": {newM[i], m1}, "v": {newV[i], v1},
				"nesterov": {ahead[i], wi - 0.1*(0.9*u1+gi)}, "normalise": {newG[i], gi / (math.Sqrt(0.5*vi+0.5*gi*gi) + 1e-3)},
				"lion": {lionW[i], 0.95*wi - math.Copysign(0.01, 0.9*mi+0.1*gi)}, "lion's m": {lionM[i], 0.99*mi + 0.01*gi},
				"adam, all terms": {full[i], 0.95*wi - (0.01*m1+0.02*gi)/(math.Sqrt(v1)+1e-3)}, "average": {avg[i], 0.7*wi + 0.3*gi}, "add": {sum[i], wi + gi}, "scale": {scaled[i], 0.3 * wi},
				"sgd": {sgd[i], wi - 0.1*gi}, "momentum": {ball[i], wi - 0.1*u1}, "u": {u[i], u1},
			} {
				if d := math.Abs(float64(c.got) - c.want); !(d <= 1e-6) {
					t.Fatalf("%d elements: %s[%d] is %v, want %v", n, name, i, c.got, c.want)
				}
			}
		}
	}
}

// The bits do not depend on the number of processors, and nothing is allocated.
func TestThreadsAndMemory(t *testing.T) {
	const n = 100_001
	run := func(threads int) []float32 {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
		w, m, v := wave(n, 1), make([]float32, n), make([]float32, n)
		for range 3 {
			update.Adam(w, wave(n, 2), m, v, step)
		}
		return w
	}
	if want := run(1); !slices.Equal(run(2), want) || !slices.Equal(run(3), want) {
		t.Error("the number of processors changes the result")
	}
	w, g, m, v := wave(n, 1), wave(n, 2), make([]float32, n), make([]float32, n)
	if allocs := testing.AllocsPerRun(10, func() { update.Adam(w, g, m, v, step) }); allocs > 0 {
		t.Errorf("%v allocations an update, want none", allocs)
	}
}

func ExampleSGD() {
	w := []float32{1, 2}
	update.SGD(w, []float32{10, -10}, 0.1)
	fmt.Println(w)
	// Output: [0 3]
}

// A slice that is too short panics, also where its capacity would do.
func TestLengths(t *testing.T) {
	w, g := wave(8, 1), wave(8, 2)
	for name, f := range map[string]func(){
		"sgd":      func() { update.SGD(w, g[:2], 1) },
		"momentum": func() { update.Momentum(w, g, g[:2], 1, 1) },
		"adam":     func() { update.Adam(w, g, g[:2], g, step) },
		"average":  func() { update.Average(w, g[:2], 1) },
		"add":      func() { update.Add(w, g[:2]) },
		"nesterov": func() { update.Nesterov(w, g, g[:2], 1, 1) },
		"norm":     func() { update.Normalise(w, g[:2], 1, 1, 1) },
		"lion":     func() { update.Lion(w, g, g[:2], update.LionStep{}) },
	} {
		func() {
			defer func() {
				if got, want := recover(), "update: slices of 8 and 2 elements, want one length"; got != want {
					t.Errorf("%s: panic %v, want %v", name, got, want)
				}
			}()
			f()
		}()
	}
	if !slices.Equal(w, wave(8, 1)) {
		t.Error("the weights have changed")
	}
}
