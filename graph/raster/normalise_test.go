package raster_test

import (
	"fmt"
	"math"
	"testing"

	"tapenet/graph/raster"
)

func TestNormalisation(t *testing.T) {
	mean, deviation := []float64{0.25, -3, 0.1}, []float64{0.5, 0, 1e-3}
	x := []float32{0, 0.25, 1, 7, -2, 0.5, 0.1, 0.2, 1}
	got := append([]float32{}, x...)
	raster.NewNormalisation(mean, deviation).Apply(got)
	for i, v := range x {
		d := max(deviation[i/3], 0)
		if d == 0 {
			d = 1
		}
		want := (float64(v) - mean[i/3]) / d
		if math.Abs(float64(got[i])-want) > 1e-5*max(1, math.Abs(want)) {
			t.Errorf("value %d: %g becomes %g, want %g", i, v, got[i], want)
		}
	}
}

func ExampleNormalisation() {
	image := []float32{0, 0.5, 1} // one channel of three values
	raster.NewNormalisation([]float64{0.5}, []float64{0.25}).Apply(image)
	fmt.Println(image)
	raster.NewNormalisation(nil, nil).Apply(image)
	fmt.Println(image)
	// Output:
	// [-2 0 2]
	// [-2 0 2]
}
