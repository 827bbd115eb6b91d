package attack_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tapenet/graph/attack"
)

// TestBytes: pictures of 8 bits stay in the ball when they are rounded, exactly, and are
// no further from what was found than a level.
func TestBytes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 300 {
		norm := attack.Norm(r.IntN(2))
		clean, x := make([]float32, 50), make([]float32, 50)
		epsilon := 0.3 * r.Float64()
		reach := epsilon
		if norm == attack.L2 {
			reach /= math.Sqrt(50)
		}
		for i := range x {
			clean[i] = float32(r.IntN(256)) / 255
			lo, hi := attack.Interval(clean[i], reach)
			x[i] = lo + (hi-lo)*r.Float32()
			if r.IntN(3) == 0 {
				x[i] = []float32{lo, hi, clean[i]}[r.IntN(3)]
			}
		}
		got, ok := attack.Bytes(x, clean, norm, epsilon)
		if !ok || !norm.Inside(got, clean, epsilon) {
			t.Fatalf("%v %v: rounded out of the ball", norm, epsilon)
		}
		for i, v := range got {
			if v != float32(math.Round(255*float64(v)))/255 || math.Abs(float64(v)-float64(x[i])) > 1.001/255 {
				t.Fatalf("%v: %v of %v becomes %v, want the multiple of 1/255 beside it", norm, x[i], clean[i], v)
			}
		}
	}
	level := func(k float64) float32 { return float32(k) / 255 }
	clean := []float32{level(10), level(10), level(10), level(0), level(255), level(10)}
	for _, tt := range []struct {
		norm    attack.Norm
		epsilon float64
		x, want []float64
	}{
		{attack.Linf, 3.7, []float64{12.7, 7.2, 10, 0.4, 253.9, 13.6}, []float64{13, 7, 10, 0, 254, 13}}, // the last would be 14
		{attack.L2, 2.9, []float64{11.6, 11.6, 10, 0, 255, 10}, []float64{12, 12, 10, 0, 255, 10}},
		{attack.L2, 2.4, []float64{11.6, 11.6, 10, 0, 255, 10}, []float64{11, 11, 10, 0, 255, 10}}, // 12 and 12 are too far
	} {
		x, want := make([]float32, len(tt.x)), make([]float32, len(tt.x))
		for i := range x {
			x[i], want[i] = level(tt.x[i]), level(tt.want[i])
		}
		if got, ok := attack.Bytes(x, clean, tt.norm, tt.epsilon/255); !ok || !slices.Equal(got, want) {
			t.Errorf("%v: %v rounded is %v, %t, want %v", tt.norm, x, got, ok, want)
		}
	}
	if _, ok := attack.Bytes([]float32{0.501}, []float32{0.5}, attack.Linf, 0.001); ok {
		t.Error("0.501 has no multiple of 1/255 within 0.001 of 0.5, got one")
	}
}

// TestSaved: a saved picture's success is a prediction of the saved picture.
func TestSaved(t *testing.T) {
	v := victim(t)
	images, classes := digits(t, 40)
	for norm, epsilon := range radii {
		o := attacked(t, attack.PGD{Norm: norm, Epsilon: epsilon, Steps: 10}, v, images, classes)
		saved, err := v.Saved(o, images, classes, norm, epsilon)
		if err != nil {
			t.Fatal(err)
		}
		checkOutcome(t, v, saved, norm, epsilon, images, classes)
		if saved.Accuracy() < o.Accuracy() || saved.Accuracy() > o.Accuracy()+0.2 {
			t.Errorf("%v: accuracy %v of saved pictures, %v before", norm, saved.Accuracy(), o.Accuracy())
		}
		for i, r := range saved.Images {
			for _, p := range r.Adversarial {
				if r.Success && p != float32(math.Round(255*float64(p)))/255 {
					t.Fatalf("%v: picture %d has a pixel of %v, want multiples of 1/255", norm, i, p)
				}
			}
		}
	}
}
