package data

import (
	"math"
	"slices"
	"testing"
)

func TestCutout(t *testing.T) {
	x := make([]float32, 2*12*16)
	for i := range x {
		x[i] = 1
	}
	most := 0
	for seed := range uint64(200) {
		y := augmented([3]int{2, 12, 16}, x, seed, Cutout{})
		n := 0
		for i := range 12 * 16 {
			if y[i] != y[12*16+i] {
				t.Fatal("the channels have different squares")
			}
			if y[i] == 0 {
				n++
			}
		}
		if n < 9 || n > 36 { // a quarter of the square of 6 at a corner
			t.Fatalf("%d pixels cut out, want 9 to 36", n)
		}
		most = max(most, n)
	}
	if most != 36 {
		t.Errorf("at most %d pixels cut out, want 36", most)
	}
	if y := augmented([3]int{2, 12, 16}, x, 1, Cutout{1000}); slices.Max(y) != 0 {
		t.Error("a square larger than the image leaves a part of it")
	}
}

func statistics(x []float32) (mean, deviation float64) {
	for _, v := range x {
		mean += float64(v) / float64(len(x))
	}
	for _, v := range x {
		deviation += math.Pow(float64(v)-mean, 2) / float64(len(x))
	}
	return mean, math.Sqrt(deviation)
}

func TestTone(t *testing.T) {
	x := make([]float32, 1000) // mean 0.5, far enough from 0 and 1
	for i := range x {
		x[i] = 0.45 + 0.1*float32(i)/999
	}
	_, own := statistics(x)
	tests := []struct {
		name      string
		step      Augmentation
		mean      [2]float64 // lowest and highest of 200 seeds
		deviation [2]float64 // as a multiple of x's
	}{
		{"brightness", Brightness{0.3}, [2]float64{0.2, 0.8}, [2]float64{1, 1}},
		{"contrast", Contrast{0.4}, [2]float64{0.5, 0.5}, [2]float64{0.6, 1.4}},
		{"noise", Noise{}, [2]float64{0.5, 0.5}, [2]float64{math.Hypot(1, 0.05/own), math.Hypot(1, 0.05/own)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			lows, highs := [2]float64{math.Inf(1), math.Inf(1)}, [2]float64{}
			for seed := range uint64(200) {
				mean, deviation := statistics(augmented([3]int{1, 10, 100}, x, seed, tt.step))
				for k, v := range [2]float64{mean, deviation / own} {
					lows[k], highs[k] = min(lows[k], v), max(highs[k], v)
				}
			}
			for k, want := range [2][2]float64{tt.mean, tt.deviation} {
				if bound := 0.05 * want[1]; math.Abs(lows[k]-want[0]) > 2*bound || math.Abs(highs[k]-want[1]) > 2*bound {
					t.Errorf("number %d from %.3f to %.3f, want %v", k, lows[k], highs[k], want)
				}
			}
		})
	}
	y := augmented([3]int{1, 10, 100}, make([]float32, 1000), 3, Gaussian{0.25})
	if mean, deviation := statistics(y); math.Abs(mean) > 0.03 || math.Abs(deviation-0.25) > 0.02 || slices.Min(y) > -0.5 {
		t.Errorf("Gaussian noise has mean %g, deviation %g, and from %g, want 0, 0.25, and what is below 0 as it is", mean, deviation, slices.Min(y))
	}
	for _, step := range []Augmentation{Brightness{5}, Contrast{50}, Noise{5}} {
		y := augmented([3]int{1, 10, 100}, x, 3, step)
		if slices.Min(y) < 0 || slices.Max(y) > 1 {
			t.Errorf("%T: values from %v to %v, want 0 to 1", step, slices.Min(y), slices.Max(y))
		}
	}
}
