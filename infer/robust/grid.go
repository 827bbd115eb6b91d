package robust

import (
	"fmt"
	"math"

	"tapenet/graph/raster/corrupt"
)

// Grid is the worst case over a grid of turns and shifts, as Engstrom et al. 2019
// (Exploring the Landscape of Spatial Robustness, arXiv 1712.02779) have it: an
// image counts only if the network is right about all of its variants.
type Grid struct {
	Degrees float64 `json:"degrees"` // turns go from -Degrees to Degrees
	Pixels  float64 `json:"pixels"`  // and shifts from -Pixels to Pixels, across and down
	Points  int     `json:"points"`  // of the grid
	Mean    float64 `json:"mean"`    // accuracy over all points
	Worst   Score   `json:"worst"`   // images that are right at all of them
}

const (
	gridDegrees, gridTurns = 30.0, 31
	gridPixels, gridShifts = 3.0, 5 // for a picture of 28×28
	gridPoints             = gridTurns * gridShifts * gridShifts
)

func gridItems([3]int) []item {
	return []item{{
		group: "grid",
		cost:  func(m *meter) int { return gridPoints * len(m.images) },
		run:   (*meter).grid,
	}}
}

// point is one of n values from -most to most: -30, -28, … without an error of rounding.
func point(k, n int, most float64) float64 { return most * float64(2*k-n+1) / float64(n-1) }

// grid measures all points.
func (m *meter) grid() error {
	k := m.kind("grid", "")
	right := make([]int, len(m.images)) // points
	total := 0
	for turn := range gridTurns {
		degrees := point(turn, gridTurns, gridDegrees)
		for place := range gridShifts * gridShifts {
			dx, dy := point(place%gridShifts, gridShifts, gridPixels), point(place/gridShifts, gridShifts, gridPixels)
			change := func(i int) []float32 { return m.placed(i, degrees, dx, dy) }
			all, err := m.changed(change)
			if err != nil {
				return err
			}
			for i, a := range all {
				if a.class == m.classes[i] {
					right[i]++
					total++
				}
			}
			strength := max(math.Abs(degrees)/gridDegrees, math.Abs(dx)/gridPixels, math.Abs(dy)/gridPixels)
			k.tried(m, strength, fmt.Sprintf("%g°, %+g and %+g px", degrees, dx, dy), all, change)
		}
	}
	worst := 0
	for _, n := range right {
		if n == gridPoints {
			worst++
		}
	}
	m.report.Grid = &Grid{
		Degrees: gridDegrees, Pixels: gridPixels, Points: gridPoints,
		Mean: float64(total) / float64(gridPoints*len(m.images)), Worst: newScore(worst, len(m.images)),
	}
	return nil
}

// placed is an image turned, and then shifted to the right and down. Pixels are a
// 28×28 picture's.
func (m *meter) placed(i int, degrees, dx, dy float64) []float32 {
	p := m.canvas(i)
	return corrupt.Place(p, degrees, dx*float64(p.W)/28, dy*float64(p.H)/28).Pix
}
