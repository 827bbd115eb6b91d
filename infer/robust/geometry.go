package robust

import (
	"fmt"
	"math"

	"tapenet/graph/raster/corrupt"
)

// Curve is the accuracy over the strength of a deformation.
type Curve struct {
	Name     string    `json:"name"`
	Unit     string    `json:"unit"` // of At, as in "°"; "" for a factor
	At       []float64 `json:"at"`
	Accuracy []float64 `json:"accuracy"`
	Mean     float64   `json:"mean"` // of Accuracy
}

// deformation is a way to deform a picture by an amount. Amounts in pixels are for
// pictures of 28×28; larger pictures get larger ones in proportion.
type deformation struct {
	name, unit       string
	from, to, step   float64
	nothing, hardest float64 // the amounts at which the strength is 0 and 1
	apply            func(p corrupt.Picture, amount float64, seed uint64) corrupt.Picture
}

var deformations = []deformation{
	{"rotation", "°", -90, 90, 10, 0, 90, func(p corrupt.Picture, by float64, _ uint64) corrupt.Picture {
		return corrupt.Rotate(p, by)
	}},
	{"shift across", "px", -8, 8, 1, 0, 8, func(p corrupt.Picture, by float64, _ uint64) corrupt.Picture {
		return corrupt.Shift(p, by*float64(p.W)/28, 0)
	}},
	{"shift down", "px", -8, 8, 1, 0, 8, func(p corrupt.Picture, by float64, _ uint64) corrupt.Picture {
		return corrupt.Shift(p, 0, by*float64(p.H)/28)
	}},
	{"scale", "", 0.4, 1.6, 0.1, 1, 0.4, func(p corrupt.Picture, by float64, _ uint64) corrupt.Picture {
		return corrupt.Scale(p, by)
	}},
	{"shear", "", -1, 1, 0.2, 0, 1, func(p corrupt.Picture, by float64, _ uint64) corrupt.Picture {
		return corrupt.Shear(p, by)
	}},
	{"elastic", "px", 0, 4, 0.5, 0, 4, func(p corrupt.Picture, by float64, seed uint64) corrupt.Picture {
		size := math.Sqrt(float64(p.H*p.W)) / 28
		return corrupt.Elastic(p, elasticAlpha(by*size, elasticSigma*size), elasticSigma*size, seed)
	}},
}

// elasticSigma is how smooth the elastic deformation is, in pixels (Simard,
// Steinkraus and Platt 2003).
const elasticSigma = 4

// elasticAlpha is the factor of a displacement in -1..1, smoothed by a Gaussian, that
// makes its standard deviation so many pixels: a uniform number's is 1/√3, and the
// Gaussian leaves 1/(2σ√π) of it.
func elasticAlpha(pixels, sigma float64) float64 {
	return pixels * math.Sqrt(3) * 2 * sigma * math.Sqrt(math.Pi)
}

// amounts are from, from+step, … to.
func (d deformation) amounts() []float64 {
	n := int(math.Round((d.to - d.from) / d.step))
	all := make([]float64, n+1)
	for k := range all {
		all[k] = math.Round(1e9*(d.from+float64(float64(k)*d.step))) / 1e9
	}
	return all
}

// strength is 0 for an amount that changes nothing and 1 for the hardest one.
func (d deformation) strength(amount float64) float64 {
	return math.Abs(amount-d.nothing) / math.Abs(d.hardest-d.nothing)
}

func (d deformation) label(amount float64) string {
	switch d.unit {
	case "":
		return fmt.Sprintf("%g", amount)
	case "°":
		return fmt.Sprintf("%g°", amount)
	}
	return fmt.Sprintf("%g %s", amount, d.unit)
}

func geometryItems([3]int) []item {
	var items []item
	for _, d := range deformations {
		items = append(items, item{
			group: "geometry", name: d.name,
			cost: func(m *meter) int { return len(d.amounts()) * len(m.images) },
			run:  func(m *meter) error { return m.geometry(d) },
		})
	}
	return items
}

// geometry measures the curve of a deformation.
func (m *meter) geometry(d deformation) error {
	c := Curve{Name: d.name, Unit: d.unit, At: d.amounts()}
	k := m.kind("geometry", d.name)
	for _, amount := range c.At {
		change := func(i int) []float32 {
			return d.apply(m.canvas(i), amount, corrupt.Seed(m.config.Seed, i)).Pix
		}
		all, err := m.changed(change)
		if err != nil {
			return err
		}
		accuracy := newScore(m.right(all), len(all)).Accuracy
		c.Accuracy = append(c.Accuracy, accuracy)
		c.Mean += accuracy / float64(len(c.At))
		k.tried(m, d.strength(amount), d.label(amount), all, change)
	}
	m.report.Geometry = append(m.report.Geometry, c)
	return nil
}
